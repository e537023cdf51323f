/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/facts: see facts.h.  Must never give what is outside of the limits of
 * facts.h, nor a job that both demands TLS and does without.
 */
#include "spool/facts.h"

#include "base/pack.h"
#include "spool/spool.h"

#define REQUIRETLS   1u
#define TLS_OPTIONAL 2u
#define LOCAL	     4u

static bool by_fits(const struct spool_facts *f)
{
	unsigned way = f->by_mode & ~SPOOL_BY_TRACE;
	return f->by_mode == 0 ? f->by == 0
			       : way == SPOOL_BY_RETURN || way == SPOOL_BY_NOTIFY;
}

static bool fits(const struct spool_facts *f)
{
	return f->id.len <= SPOOL_ID_MAX && f->helo.len <= SPOOL_HELO_MAX &&
	       f->envid.len <= SPOOL_ENVID_MAX &&
	       f->original.len <= SPOOL_ADDRESS_MAX &&
	       f->priority >= -SPOOL_PRIORITY_MOST &&
	       f->priority <= SPOOL_PRIORITY_MOST &&
	       !(f->requiretls && f->tls_optional) && by_fits(f);
}

bool spool_facts_write(const struct spool_facts *f, struct buf *b)
{
	if (!fits(f))
		return false;
	pack_u8(b, SPOOL_FACTS_FORMAT);
	pack_span(b, f->id);
	pack_span(b, f->helo);
	pack_span(b, f->envid);
	pack_u8(b, f->ret);
	pack_u8(b, f->eight_bit);
	pack_u8(b, f->utf8);
	pack_u64(b, f->account);
	pack_u8(b, (uint8_t)((f->requiretls ? REQUIRETLS : 0) |
			     (f->tls_optional ? TLS_OPTIONAL : 0) |
			     (f->local ? LOCAL : 0)));
	pack_u8(b, (uint8_t)(f->priority + SPOOL_PRIORITY_MOST));
	pack_span(b, f->original);
	pack_u8(b, f->by_mode);
	pack_u64(b, (uint64_t)f->by);
	return buf_ok(b);
}

static void read_second(struct unpack *u, struct spool_facts *f)
{
	uint8_t bits = unpack_u8(u);
	int priority = (int)unpack_u8(u) - SPOOL_PRIORITY_MOST;
	f->requiretls = (bits & REQUIRETLS) != 0;
	f->tls_optional = (bits & TLS_OPTIONAL) != 0;
	f->local = (bits & LOCAL) != 0;
	if ((bits & ~(REQUIRETLS | TLS_OPTIONAL | LOCAL)) != 0 ||
	    priority > SPOOL_PRIORITY_MOST)
		unpack_fail(u);
	else
		f->priority = (int8_t)priority;
	f->original = unpack_span(u, SPOOL_ADDRESS_MAX);
}

bool spool_facts_read(struct span row, struct spool_facts *out)
{
	struct unpack u = unpack_of(row);
	uint8_t format = unpack_u8(&u);
	struct spool_facts f = {.id = unpack_span(&u, SPOOL_ID_MAX)};
	f.helo = unpack_span(&u, SPOOL_HELO_MAX);
	f.envid = unpack_span(&u, SPOOL_ENVID_MAX);
	f.ret = unpack_u8(&u);
	f.eight_bit = unpack_bool(&u);
	f.utf8 = unpack_bool(&u);
	f.account = unpack_u64(&u);
	if (format >= 2)
		read_second(&u, &f);
	if (format >= 3) {
		f.by_mode = unpack_u8(&u);
		f.by = (int64_t)unpack_u64(&u);
	}
	if (format < 1 || format > SPOOL_FACTS_FORMAT || !unpack_done(&u) || !fits(&f))
		return false;
	*out = f;
	return true;
}
