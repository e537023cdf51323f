/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl/scram_client: see scram_client.h.  Attributes are taken in the order of
 * RFC 5802 7 and nothing is guessed.
 */
#include "sasl/scram_client.h"

#include "base/base64.h"
#include "crypto/secret.h"

static bool printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < ' ' || s.ptr[i] > '~')
			return false;
	return s.len > 0;
}

bool scram_client_fits(struct span password)
{
	/* SASLprep leaves these as they are. */
	return printable(password);
}

void scram_client_begin(struct scram_client *c, const struct scram_client_settings *set)
{
	*c = (struct scram_client){.set = set};
	buf_init(&c->said, 4 * SCRAM_CLIENT_MESSAGE_MAX);
}

bool scram_client_proved(const struct scram_client *c)
{
	return c->proved;
}

void scram_client_end(struct scram_client *c)
{
	secret_wipe(&c->expected, sizeof c->expected);
	buf_free(&c->said);
}

static struct span header_of(const struct scram_client *c)
{
	switch (c->set->how) {
	case SCRAM_CLIENT_BINDS:
		return SPAN("p=tls-exporter,,");
	case SCRAM_CLIENT_NOT_OFFERED:
		return SPAN("y,,");
	case SCRAM_CLIENT_CANNOT:
		break;
	}
	return SPAN("n,,");
}

static bool first(struct scram_client *c, struct buf *out)
{
	struct span user = c->set->user;
	if (user.len > SCRAM_CLIENT_USER_MAX || span_has(user, '\0'))
		return false;
	buf_add(&c->said, SPAN("n="));
	for (size_t i = 0; i < user.len; i++) {
		if (user.ptr[i] == ',')
			buf_add(&c->said, SPAN("=2C"));
		else if (user.ptr[i] == '=')
			buf_add(&c->said, SPAN("=3D"));
		else
			buf_addc(&c->said, user.ptr[i]);
	}
	buf_add(&c->said, SPAN(",r="));
	base64_encode(&c->said, span_of(c->set->random, sizeof c->set->random));
	buf_add(out, header_of(c));
	buf_add(out, buf_span(&c->said));
	return buf_ok(&c->said) && buf_ok(out);
}

/* The value of the attribute `name` at the front of *in. */
static bool attribute(struct span *in, char name, struct span *value)
{
	span_cut(in, ',', value);
	if (value->len < 2 || value->ptr[0] != name || value->ptr[1] != '=')
		return false;
	*value = span_skip(*value, 2);
	return true;
}

static bool decode(struct span text, unsigned char *to, size_t cap, size_t *len)
{
	struct buf b;
	buf_init(&b, cap);
	bool ok = base64_decode(&b, text) == BASE64_OK && buf_len(&b) > 0;
	*len = ok ? buf_len(&b) : 0;
	if (ok)
		memcpy(to, buf_span(&b).ptr, *len);
	buf_free(&b);
	return ok;
}

/* The keys for this salt: those that were kept, or new ones to keep. */
static bool keys_for(const struct scram_client *c, struct span salt, uint32_t iterations)
{
	struct scram_client_keys *k = c->set->keys;
	if (k->salt_len > 0 && k->iterations == iterations &&
	    span_eq(span_of(k->salt, k->salt_len), salt))
		return true;
	k->salt_len = 0;
	if (!scram_client_keys(c->set->password, salt, iterations, &k->client, &k->server))
		return false;
	memcpy(k->salt, salt.ptr, salt.len);
	k->salt_len = salt.len;
	k->iterations = iterations;
	return true;
}

static void add_final(struct scram_client *c, struct span nonce, struct buf *out)
{
	struct buf head;
	buf_init(&head, 256);
	buf_add(&head, header_of(c));
	if (c->set->how == SCRAM_CLIENT_BINDS)
		buf_add(&head, span_of(c->set->binding, SCRAM_CLIENT_BINDING));
	buf_add(out, SPAN("c="));
	base64_encode(out, buf_span(&head));
	buf_add(out, SPAN(",r="));
	buf_add(out, nonce);
	if (!buf_ok(&head))
		out->failed = true;
	buf_free(&head);
}

/* ",p=" and the proof: ClientKey under the signature of all that was said. */
static void add_proof(struct scram_client *c, struct buf *out)
{
	const struct scram_client_keys *k = c->set->keys;
	struct sha256 stored = sha256_of(span_of(k->client.bytes, SHA256_LEN));
	struct sha256 proof = hmac_sha256(span_of(stored.bytes, SHA256_LEN),
					  buf_span(&c->said));
	for (size_t i = 0; i < SHA256_LEN; i++)
		proof.bytes[i] ^= k->client.bytes[i];
	buf_add(out, SPAN(",p="));
	base64_encode(out, span_of(proof.bytes, SHA256_LEN));
	secret_wipe(&stored, sizeof stored);
	secret_wipe(&proof, sizeof proof);
}

static bool answer_first(struct scram_client *c, struct span in, struct buf *out)
{
	struct span whole = in, nonce, salt_text, number;
	unsigned char salt[SCRAM_SALT_MAX];
	size_t salt_len;
	uint64_t iterations;
	struct span ours = span_skip(buf_span(&c->said),
				     buf_len(&c->said) - SCRAM_CLIENT_NONCE);
	if (whole.len > SCRAM_CLIENT_MESSAGE_MAX || !printable(whole) ||
	    !attribute(&in, 'r', &nonce) || !attribute(&in, 's', &salt_text) ||
	    !attribute(&in, 'i', &number))
		return false;
	if (!span_starts(nonce, ours) || nonce.len == ours.len ||
	    nonce.len > SCRAM_CLIENT_NONCE_MAX ||
	    !decode(salt_text, salt, sizeof salt, &salt_len) ||
	    !span_u64(number, SCRAM_ITERATIONS_MAX, &iterations) ||
	    !keys_for(c, span_of(salt, salt_len), (uint32_t)iterations))
		return false;
	add_final(c, nonce, out);
	buf_addc(&c->said, ',');
	buf_add(&c->said, whole);
	buf_addc(&c->said, ',');
	buf_add(&c->said, buf_span(out));
	if (!buf_ok(&c->said) || !buf_ok(out))
		return false;
	add_proof(c, out);
	c->expected = hmac_sha256(span_of(c->set->keys->server.bytes, SHA256_LEN),
				  buf_span(&c->said));
	return buf_ok(out);
}

static bool take_last(struct scram_client *c, struct span in)
{
	unsigned char said[SHA256_LEN];
	struct span value;
	size_t len;
	c->proved = attribute(&in, 'v', &value) && decode(value, said, sizeof said, &len) &&
		    secret_eq(span_of(said, len), span_of(c->expected.bytes, SHA256_LEN));
	return c->proved;
}

bool scram_client_step(struct scram_client *c, const struct span *challenge, struct buf *out)
{
	buf_clear(out);
	switch (c->step++) {
	case 0:
		return challenge == NULL && first(c, out);
	case 1:
		return challenge != NULL && answer_first(c, *challenge, out);
	case 2:
		return challenge != NULL && take_last(c, *challenge);
	default:
		return false;
	}
}
