/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/sendmail: options, as sendmail(1) has them: letters in groups, values
 * behind their letter or in the next word.
 */
#include <string.h>

#include "cmd/sendmail.h"

/* NOTIFY and RET of RFC 3461, as the schema carries them. */
#define NEVER	1u
#define SUCCESS 2u
#define FAILURE 4u
#define DELAY	8u
#define FULL	1u
#define HDRS	2u

/* With a value; of those behind the bar it is passed over. */
static const char with_value[] = "fFrNRVbBo|ChLOpX";
/* Without one, and meaning nothing here. */
static const char ignored[] = "cGmnUswxM";

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

static bool called(const char *program, const char *name)
{
	return program != NULL && strcmp(base_name(program), name) == 0;
}

const struct verb *sendmail_by_name(const char *program)
{
	static const char *const names[] = {"sendmail", "mailq", "newaliases"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (called(program, names[i]))
			return verb_find(SPAN("sendmail"));
	return NULL;
}

static bool take_mode(struct sendmail_options *o, struct span v, const char **why)
{
	static const struct {
		char letter;
		enum sendmail_mode mode;
	} modes[] = {{'m', SENDMAIL_SUBMIT}, {'p', SENDMAIL_QUEUE},
		     {'i', SENDMAIL_ALIASES}};
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (v.len == 1 && v.ptr[0] == modes[i].letter) {
			o->mode = modes[i].mode;
			return true;
		}
	*why = span_eq(v, SPAN("s"))
		       ? "-bs is not here: speak SMTP to the submission port, or "
			 "hand in a message without -bs"
		       : "of -b there are -bm, -bp and -bi";
	return false;
}

static bool take_notify(struct sendmail_options *o, struct span v, const char **why)
{
	static const struct {
		struct span word;
		uint8_t bit;
	} words[] = {{SPAN_INIT("never"), NEVER}, {SPAN_INIT("success"), SUCCESS},
		     {SPAN_INIT("failure"), FAILURE}, {SPAN_INIT("delay"), DELAY}};
	struct span word;
	bool more;
	*why = "-N takes never, or success, failure and delay with commas between";
	o->notify = 0;
	do {
		uint8_t bit = 0;
		more = span_cut(&v, ',', &word);
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (span_eq_nocase(word, words[i].word))
				bit = words[i].bit;
		if (bit == 0)
			return false;
		o->notify |= bit;
	} while (more);
	return o->notify == NEVER || (o->notify & NEVER) == 0;
}

static bool take_ret(struct sendmail_options *o, struct span v, const char **why)
{
	*why = "-R takes full or hdrs";
	o->ret = span_eq_nocase(v, SPAN("full")) ? FULL : HDRS;
	return o->ret == FULL || span_eq_nocase(v, SPAN("hdrs"));
}

static bool take_value(struct sendmail_options *o, char letter, struct span v,
		       const char **why)
{
	switch (letter) {
	case 'f':
	case 'r':
		o->sender = v;
		return true;
	case 'F':
		o->name = v;
		return true;
	case 'b':
		return take_mode(o, v, why);
	case 'N':
		return take_notify(o, v, why);
	case 'R':
		return take_ret(o, v, why);
	case 'V':
		o->envid = v;
		return true;
	case 'o':
		o->dots |= span_eq(v, SPAN("i"));
		return true;
	default:
		return true;
	}
}

/* One word of letters; *next: the word behind it was taken too. */
static bool take_word(struct sendmail_options *o, const char *word, const char *behind,
		      bool *next, const char **why)
{
	for (const char *p = word; *p != '\0'; p++) {
		if (*p != '|' && strchr(with_value, *p) != NULL) {
			const char *value = p[1] != '\0' ? p + 1 : behind;
			*next = p[1] == '\0';
			if (value == NULL) {
				*why = "the last option wants a value";
				return false;
			}
			return take_value(o, *p, span_cstr(value), why);
		}
		if (*p == 'q') { /* whatever follows says which part of it */
			o->mode = SENDMAIL_NOTHING;
			return true;
		}
		if (*p == 'i')
			o->dots = true;
		else if (*p == 't')
			o->gather = true;
		else if (*p == 'v')
			o->verbose = true;
		else if (*p == 'e' || *p == 'A' || *p == 'd')
			return true; /* and what stands behind it: -em, -Ac, -d0.1 */
		else if (strchr(ignored, *p) == NULL) {
			*why = "there is no such option";
			return false;
		}
	}
	return true;
}

static bool take_recipients(struct sendmail_options *o, struct span text, const char **why)
{
	struct span one;
	bool more;
	do {
		more = span_cut(&text, ',', &one);
		one = span_trim(one);
		if (one.len == 0)
			continue;
		if (o->count == SENDMAIL_RECIPIENTS) {
			*why = "there are too many recipients";
			return false;
		}
		o->recipients[o->count++] = one;
	} while (more);
	return true;
}

bool sendmail_options(const char *program, int argc, char **argv, struct sendmail_options *o,
		      const char **why)
{
	bool over = false;
	*o = (struct sendmail_options){.mode = SENDMAIL_SUBMIT};
	if (called(program, "mailq"))
		o->mode = SENDMAIL_QUEUE;
	else if (called(program, "newaliases"))
		o->mode = SENDMAIL_ALIASES;
	for (int i = 0; i < argc; i++) {
		const char *word = argv[i];
		const char *behind = i + 1 < argc ? argv[i + 1] : NULL;
		bool next = false;
		if (over || word[0] != '-' || word[1] == '\0') {
			if (!take_recipients(o, span_cstr(word), why))
				return false;
			continue;
		}
		if (strcmp(word, "--") == 0) {
			over = true;
		} else if (strcmp(word, "--config") == 0 && behind != NULL) {
			o->config = behind;
			next = true;
		} else if (strcmp(word, "--help") == 0) {
			o->mode = SENDMAIL_HELP;
			return true;
		} else if (!take_word(o, word + 1, behind, &next, why)) {
			return false;
		}
		i += next;
	}
	return true;
}
