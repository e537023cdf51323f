/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A date that a parser accepts lies in the calendar, and written in our own
 * form it is read as the same second.
 */
#include "base/civil.h"
#include "base/ensure.h"

static void check(int64_t seconds)
{
	struct civil_stamp again;
	struct buf b;
	ENSURE(seconds >= CIVIL_MIN && seconds <= CIVIL_MAX);
	buf_init(&b, 64);
	civil_add_rfc5322(&b, seconds);
	ENSURE(civil_parse_rfc5322(buf_span(&b), &again));
	ENSURE(again.seconds == seconds && again.zone == 0);
	char imap[CIVIL_IMAP_LEN];
	ENSURE(civil_parse_imap(civil_put_imap(imap, seconds), &again));
	ENSURE(again.seconds == seconds && again.zone == 0);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct civil_stamp stamp;
	int64_t day;
	if (civil_parse_rfc5322(in, &stamp))
		check(stamp.seconds);
	if (civil_parse_imap(in, &stamp))
		check(stamp.seconds);
	if (civil_parse_imap_date(in, &day))
		check(day);
	if (civil_parse_rfc3339(in, &day)) {
		struct buf b;
		int64_t again;
		check(day);
		buf_init(&b, CIVIL_TEXT_MAX);
		civil_add_rfc3339(&b, day);
		ENSURE(civil_parse_rfc3339(buf_span(&b), &again) && again == day);
		buf_free(&b);
	}
	return 0;
}
