/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/table: which commands and capabilities there are, and when.
 *
 * A new command is a file and a row; a new capability is a row.  A capability
 * is a promise, so it stands here only while every part of it is kept.
 */
#include "imap/state.h"

static const struct imap_verb verbs[] = {
	{"APPEND", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_append},
	{"AUTHENTICATE", IMAP_NEW, IMAP_TELL_ALL, true, imap_cmd_authenticate},
	{"CANCELUPDATE", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_cancelupdate},
	{"CAPABILITY", IMAP_ANY, IMAP_TELL_ALL, false, imap_cmd_capability},
	{"CHECK", IMAP_SELECTED, IMAP_TELL_ALL, false, imap_cmd_check},
	{"CLOSE", IMAP_SELECTED, IMAP_TELL_NOTHING, false, imap_cmd_close},
	{"COMPRESS", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_compress},
	{"COPY", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_copy},
	{"CREATE", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_create},
	{"DELETE", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_delete},
	{"DELETEACL", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_deleteacl},
	{"ENABLE", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_enable},
	{"ESEARCH", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_esearch},
	{"EXAMINE", IMAP_LOGGED_IN, IMAP_TELL_NOTHING, true, imap_cmd_examine},
	{"EXPUNGE", IMAP_SELECTED, IMAP_TELL_ALL, false, imap_cmd_expunge},
	{"FETCH", IMAP_SELECTED, IMAP_TELL_NO_EXPUNGE, true, imap_cmd_fetch},
	{"GENURLAUTH", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_genurlauth},
	{"GETACL", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_getacl},
	{"GETMETADATA", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_getmetadata},
	{"GETQUOTA", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_getquota},
	{"GETQUOTAROOT", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_getquotaroot},
	{"ID", IMAP_ANY, IMAP_TELL_ALL, true, imap_cmd_id},
	{"IDLE", IMAP_LOGGED_IN, IMAP_TELL_ALL, false, imap_cmd_idle},
	{"LIST", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_list},
	{"LISTRIGHTS", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_listrights},
	{"LOGIN", IMAP_NEW, IMAP_TELL_ALL, true, imap_cmd_login},
	{"LOGOUT", IMAP_ANY, IMAP_TELL_NOTHING, false, imap_cmd_logout},
	{"LSUB", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_lsub},
	{"MOVE", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_move},
	{"MYRIGHTS", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_myrights},
	{"NAMESPACE", IMAP_LOGGED_IN, IMAP_TELL_ALL, false, imap_cmd_namespace},
	{"NOOP", IMAP_ANY, IMAP_TELL_ALL, false, imap_cmd_noop},
	{"NOTIFY", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_notify},
	{"RENAME", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_rename},
	{"REPLACE", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_replace},
	{"RESETKEY", IMAP_LOGGED_IN, IMAP_TELL_ALL, IMAP_MAYBE, imap_cmd_resetkey},
	{"SEARCH", IMAP_SELECTED, IMAP_TELL_NO_EXPUNGE, true, imap_cmd_search},
	{"SELECT", IMAP_LOGGED_IN, IMAP_TELL_NOTHING, true, imap_cmd_select},
	{"SETACL", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_setacl},
	{"SETMETADATA", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_setmetadata},
	{"SETQUOTA", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_setquota},
	{"SORT", IMAP_SELECTED, IMAP_TELL_NO_EXPUNGE, true, imap_cmd_sort},
	{"STARTTLS", IMAP_NEW, IMAP_TELL_ALL, false, imap_cmd_starttls},
	{"STATUS", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_status},
	{"STORE", IMAP_SELECTED, IMAP_TELL_NO_EXPUNGE, true, imap_cmd_store},
	{"SUBSCRIBE", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_subscribe},
	{"THREAD", IMAP_SELECTED, IMAP_TELL_NO_EXPUNGE, true, imap_cmd_thread},
	{"UID", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_uid},
	{"UIDBATCHES", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_uidbatches},
	{"UNAUTHENTICATE", IMAP_LOGGED_IN, IMAP_TELL_NOTHING, false, imap_cmd_unauthenticate},
	{"UNSELECT", IMAP_SELECTED, IMAP_TELL_NOTHING, false, imap_cmd_unselect},
	{"UNSUBSCRIBE", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_unsubscribe},
	{"URLFETCH", IMAP_LOGGED_IN, IMAP_TELL_ALL, true, imap_cmd_urlfetch},
};

static const struct imap_verb uid_verbs[] = {
	{"COPY", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_copy},
	{"EXPUNGE", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_uid_expunge},
	{"FETCH", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_fetch},
	{"MOVE", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_move},
	{"REPLACE", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_replace},
	{"SEARCH", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_search},
	{"SORT", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_sort},
	{"STORE", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_store},
	{"THREAD", IMAP_SELECTED, IMAP_TELL_ALL, true, imap_cmd_thread},
};

static const struct imap_verb *find(const struct imap_verb *table, size_t count,
				    struct span name)
{
	for (size_t i = 0; i < count; i++)
		if (span_eq_nocase(name, span_cstr(table[i].name)))
			return &table[i];
	return NULL;
}

const struct imap_verb *imap_verb_find(struct span name)
{
	return find(verbs, ARRAY_LEN(verbs), name);
}

const struct imap_verb *imap_uid_verb_find(struct span name)
{
	return find(uid_verbs, ARRAY_LEN(uid_verbs), name);
}

bool imap_verb_by_number(const struct imap_verb *verb)
{
	const struct imap_verb *with = imap_uid_verb_find(span_cstr(verb->name));
	return with != NULL && with->run == verb->run;
}

static bool can_starttls(const struct imap_session *s)
{
	return s->state == IMAP_NEW && !s->host->facts.tls &&
	       s->host->facts.starttls;
}

static bool login_disabled(const struct imap_session *s)
{
	return s->state == IMAP_NEW && !s->host->facts.tls;
}

static bool logged_in(const struct imap_session *s)
{
	return s->state != IMAP_NEW;
}

static bool logged_in_plain(const struct imap_session *s)
{
	return logged_in(s) && !s->compressed;
}

static uint64_t append_limit(const struct imap_session *s)
{
	return s->host->facts.append_max;
}

static const struct {
	const char *name;
	bool (*when)(const struct imap_session *);      /* NULL: always */
	uint64_t (*value)(const struct imap_session *); /* "=n" after the name */
} capabilities[] = {
	{"IMAP4rev1", NULL, NULL},
	{"IMAP4rev2", NULL, NULL},
	{"STARTTLS", can_starttls, NULL},
	{"LOGINDISABLED", login_disabled, NULL},
	{"SASL-IR", NULL, NULL},
	{"LITERAL-", NULL, NULL},
	{"ID", NULL, NULL},
	{"ENABLE", NULL, NULL},
	{"IDLE", NULL, NULL},
	{"NOTIFY", logged_in, NULL},
	{"NAMESPACE", logged_in, NULL},
	{"CHILDREN", logged_in, NULL},
	{"SPECIAL-USE", logged_in, NULL},
	{"CREATE-SPECIAL-USE", logged_in, NULL},
	{"UNSELECT", logged_in, NULL},
	{"UNAUTHENTICATE", logged_in_plain, NULL},
	{"UIDPLUS", logged_in, NULL},
	{"MOVE", logged_in, NULL},
	{"CONDSTORE", logged_in, NULL},
	{"QRESYNC", logged_in, NULL},
	{"ESEARCH", logged_in, NULL},
	{"SEARCHRES", logged_in, NULL},
	{"MULTISEARCH", logged_in, NULL},
	{"SEARCH=FUZZY", logged_in, NULL},
	{"I18NLEVEL=1", logged_in, NULL},
	{"PARTIAL", logged_in, NULL},
	{"CONTEXT=SEARCH", logged_in, NULL},
	{"WITHIN", logged_in, NULL},
	{"SAVEDATE", logged_in, NULL},
	{"UTF8=ACCEPT", logged_in, NULL},
	{"COMPRESS=DEFLATE", logged_in_plain, NULL},
	{"MULTIAPPEND", logged_in, NULL},
	{"CATENATE", logged_in, NULL},
	{"REPLACE", logged_in, NULL},
	{"OBJECTID", logged_in, NULL},
	{"SORT", logged_in, NULL},
	{"SORT=DISPLAY", logged_in, NULL},
	{"ESORT", logged_in, NULL},
	{"CONTEXT=SORT", logged_in, NULL},
	{"THREAD=ORDEREDSUBJECT", logged_in, NULL},
	{"THREAD=REFERENCES", logged_in, NULL},
	{"THREAD=REFS", logged_in, NULL},
	{"STATUS=SIZE", logged_in, NULL},
	{"LIST-EXTENDED", logged_in, NULL},
	{"LIST-STATUS", logged_in, NULL},
	{"LIST-METADATA", logged_in, NULL},
	{"METADATA", logged_in, NULL},
	{"URLAUTH", logged_in, NULL},
	{"URLAUTH=BINARY", logged_in, NULL},
	{"BINARY", logged_in, NULL},
	{"PREVIEW", logged_in, NULL},
	{"UIDONLY", logged_in, NULL},
	{"UIDBATCHES", logged_in, NULL},
	{"INPROGRESS", logged_in, NULL},
	{"ACL", logged_in, NULL},
	{"RIGHTS=texk", logged_in, NULL},
	{"LIST-MYRIGHTS", logged_in, NULL},
	{"QUOTA", logged_in, NULL},
	{"QUOTA=RES-STORAGE", logged_in, NULL},
	{"APPENDLIMIT", logged_in, append_limit},
};

void imap_capabilities(struct imap_session *s)
{
	const char *between = "";
	for (size_t i = 0; i < ARRAY_LEN(capabilities); i++) {
		if (capabilities[i].when != NULL && !capabilities[i].when(s))
			continue;
		stream_printf(s->stream, "%s%s", between, capabilities[i].name);
		if (capabilities[i].value != NULL)
			stream_printf(s->stream, "=%llu",
				      (unsigned long long)capabilities[i].value(s));
		between = " ";
	}
	struct span left = s->host->facts.mechanisms, name;
	if (s->state != IMAP_NEW || !s->host->facts.tls)
		return;
	while (left.len > 0) {
		span_cut(&left, ' ', &name);
		if (name.len > 0)
			stream_printf(s->stream, " AUTH=%.*s", SPAN_FMT(name));
	}
}
