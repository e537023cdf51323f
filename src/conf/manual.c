/* SPDX-License-Identifier: Apache-2.0 */
/* conf/manual - letterlock.conf(5) from the option table, as roff. */
#include "conf/show.h"

#include "conf/options.h"
#include "conf/value.h"

static const char head[] =
	".TH LETTERLOCK.CONF 5 \"\" letterlock \"File formats\"\n"
	".SH NAME\n"
	"letterlock.conf \\- configuration of the letterlock mail system\n"
	".SH DESCRIPTION\n"
	"The file sets policy; domains, accounts and aliases are kept in the "
	"store and changed with\n.BR letterlock (1).\n"
	"An empty file with a hostname is a complete and safe server: listeners "
	"for mx on port 25, submission on 587 and 465, imap on 143 and 993 and "
	"pop3 on 110 and 995, on all addresses.\n"
	".PP\n"
	"A statement is a name, its values and a semicolon. A block is a name, "
	"for some kinds a name of its own, and statements in braces:\n"
	".PP\n.nf\n"
	"    hostname mx.example.org;\n"
	"    certificate main {\n"
	"        chain /etc/letterlock/fullchain.pem;\n"
	"        key file:/etc/letterlock/privkey.pem;\n"
	"    }\n"
	"    listener submission {\n"
	"        role submission;\n"
	"        limits { message\\-size 20M; }\n"
	"    }\n"
	".fi\n.PP\n"
	"A # begins a comment. Text with blanks or any of ; { } \" # stands in "
	"\"quotes\", where \\e\" and \\e\\e mean themselves. Sizes are bytes, or "
	"have a K, M, G or T behind them (powers of 1024). Durations are numbers "
	"with s, m, h or d, also joined: 1h30m. Values of a list are separated by "
	"blanks.\n"
	".PP\n"
	"include \"file\"; reads another file in this place, seen from the folder "
	"of the one that names it.\n"
	".PP\n"
	".B letterlock check\n"
	"says what is wrong, and where;\n"
	".B letterlock config show \\-\\-effective\n"
	"prints every value and where it comes from.\n";

static const char tail[] = ".SH SEE ALSO\n.BR letterlock (1)\n";

/* - and \ mean something to roff; a . or ' does at the start of a line. */
static void roff(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '-' || *s == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *s == '\\' ? 'e' : *s);
	}
}

static void choices(struct buf *out, const struct conf_option *o)
{
	for (size_t i = 0, n = 0; o->choices[i]; i++) {
		if (!o->choices[i][0])
			continue;
		if (n++)
			buf_add(out, SPAN(" | "));
		roff(out, o->choices[i]);
	}
}

static void facts(struct buf *out, const struct conf_option *o)
{
	if (o->type == CONF_CHOICE)
		choices(out, o);
	else
		roff(out, conf_type_name(o->type));
	if (o->type == CONF_NUMBER || o->type == CONF_SIZE ||
	    o->type == CONF_DURATION || o->type == CONF_PERCENT) {
		buf_add(out, SPAN(" from "));
		conf_number_print(o, o->min, out);
		buf_add(out, SPAN(" to "));
		conf_number_print(o, o->max, out);
	} else if (o->type == CONF_DURATIONS) {
		buf_add(out, SPAN(", each from "));
		conf_number_print(o, o->min, out);
		buf_add(out, SPAN(" to "));
		conf_number_print(o, o->max, out);
		buf_printf(out, ", at most %u", CONF_STEPS_MAX);
	} else if (o->type > CONF_PATH) {
		buf_printf(out, ", at most %llu", (unsigned long long)o->max);
	}
	if (o->initial) {
		buf_add(out, SPAN("; default "));
		roff(out, o->initial);
	}
	if (o->restart)
		buf_add(out, SPAN("; needs a restart"));
}

static void paragraph(struct buf *out, const struct conf_option *o)
{
	buf_add(out, SPAN(".TP\n\\fB"));
	roff(out, o->name);
	buf_add(out, SPAN("\\fR ("));
	facts(out, o);
	buf_add(out, SPAN(")\n"));
	roff(out, o->doc);
	buf_add(out, SPAN("\nSeen by:"));
	for (unsigned r = 0; r < CONF_ROLES; r++)
		if (o->roles >> r & 1) {
			buf_addc(out, ' ');
			roff(out, conf_role_name(r));
		}
	buf_add(out, SPAN(".\n"));
}

void conf_manual(struct buf *out)
{
	buf_add(out, SPAN(".\\\" Made from the option table; do not edit.\n"));
	buf_add(out, span_cstr(head));
	for (unsigned b = 0; b < CONF_BLOCKS; b++) {
		const struct conf_block_info *info = &conf_blocks[b];
		buf_add(out, SPAN(".SH "));
		if (b == CONF_B_TOP)
			buf_add(out, SPAN("TOP LEVEL\n"));
		else
			buf_printf(out, "\"BLOCK %s%s\"\n", info->name,
				   info->named ? " NAME" : "");
		roff(out, info->doc);
		if (info->inherited)
			buf_add(out, SPAN(" The block may stand inside a "
					  "listener too."));
		buf_addc(out, '\n');
		for (size_t i = 0; i < conf_option_count; i++)
			if (conf_options[i].block == b)
				paragraph(out, &conf_options[i]);
	}
	buf_add(out, span_cstr(tail));
}
