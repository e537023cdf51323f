/* SPDX-License-Identifier: Apache-2.0 */
/* terms/field: see field.h.  A change makes indexes wrong: TERMS_VERSION rises. */
#include "terms/field.h"

#include "base/check.h"

enum term_field term_field_named(struct span name)
{
	static const struct {
		struct span name;
		enum term_field field;
	} own[] = {
		{SPAN_INIT("Subject"), TERM_SUBJECT},
		{SPAN_INIT("From"), TERM_FROM},
		{SPAN_INIT("To"), TERM_TO},
		{SPAN_INIT("Cc"), TERM_CC},
	};
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (span_eq_nocase(name, own[i].name))
			return own[i].field;
	return TERM_HEADER;
}

bool term_field_is_seal(struct span name)
{
	static const struct span seals[] = {
		SPAN_INIT("ARC-Message-Signature"), SPAN_INIT("ARC-Seal"),
		SPAN_INIT("Autocrypt"),		    SPAN_INIT("DKIM-Signature"),
		SPAN_INIT("DomainKey-Signature"),   SPAN_INIT("Face"),
		SPAN_INIT("X-Face"),		    SPAN_INIT("X-Gm-Message-State"),
		SPAN_INIT("X-Google-DKIM-Signature"),
	};
	for (size_t i = 0; i < ARRAY_LEN(seals); i++)
		if (span_eq_nocase(name, seals[i]))
			return true;
	return false;
}
