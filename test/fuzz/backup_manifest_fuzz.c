/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manifest: as it is, and with a right last line put below it; what is read
 * stays inside the folder and is written again as it was.
 */
#include "backup/manifest.h"
#include "base/ensure.h"
#include "base/hex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(struct span text)
{
	struct arena *a = arena_new(16u << 20);
	struct manifest m;
	struct buf out;
	ENSURE(a != NULL);
	manifest_init(&m, a);
	if (manifest_read(text, &m) == MANIFEST_OK) {
		buf_init(&out, 16u << 20);
		for (size_t i = 0; i < m.count; i++) {
			ENSURE(manifest_path_ok(m.files[i].path));
			ENSURE(manifest_find(&m, m.files[i].path) ==
			       &m.files[i]);
		}
		manifest_write(&m, &out);
		ENSURE(buf_ok(&out));
		buf_free(&out);
	}
	manifest_free(&m);
	arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span lines = span_of(data, size), line, rest = lines;
	uint64_t files = 0, bytes = 0, n;
	struct buf text;
	judge(lines);
	while (span_cut(&rest, '\n', &line)) {
		struct span word = line, head;
		if (!span_starts(line, SPAN("file ")))
			continue;
		files++;
		(void)span_cut(&word, ' ', &head);
		(void)span_cut(&word, ' ', &head);
		(void)span_cut(&word, ' ', &head);
		if (span_u64(head, UINT32_MAX, &n))
			bytes += n;
	}
	struct sha256 all = sha256_of(lines);
	buf_init(&text, size + 256);
	buf_add(&text, lines);
	buf_printf(&text, "end %llu %llu ", (unsigned long long)files,
		   (unsigned long long)bytes);
	hex_encode(&text, span_of(all.bytes, sizeof all.bytes));
	buf_addc(&text, '\n');
	judge(buf_span(&text));
	buf_free(&text);
	return 0;
}
