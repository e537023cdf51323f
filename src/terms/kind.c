/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms/kind: general categories, and a table of scripts without blanks.
 *
 * Changing an answer makes indexes that are there wrong: TERMS_VERSION in
 * terms/extract.h has to rise, and all are made again.
 */
#include "terms/kind.h"

#include <unictype.h>

#include "base/check.h"
#include "base/utf8.h"

/* Ascending; first and last. */
static const uint32_t no_blanks[][2] = {
	{0x0e00, 0x0fff},   /* Thai, Lao, Tibetan */
	{0x1000, 0x109f},   /* Myanmar */
	{0x1780, 0x17ff},   /* Khmer */
	{0x1950, 0x19ff},   /* Tai Le, New Tai Lue, Khmer symbols */
	{0x1a20, 0x1aaf},   /* Tai Tham */
	{0x2e80, 0x2fdf},   /* radicals */
	{0x3005, 0x3007},   {0x3021, 0x303c},
	{0x3040, 0x31ff},   /* kana, Bopomofo */
	{0x3400, 0x4dbf},   {0x4e00, 0xa4cf}, /* Han, Yi */
	{0xf900, 0xfaff},   {0xff66, 0xff9f},
	{0x16fe0, 0x18cff}, {0x1aff0, 0x1b2ff},
	{0x20000, 0x3ffff},
};

static bool is_without_blanks(uint32_t c)
{
	if (c < no_blanks[0][0])
		return false;
	for (size_t i = 0; i < ARRAY_LEN(no_blanks); i++)
		if (c <= no_blanks[i][1])
			return c >= no_blanks[i][0];
	return false;
}

enum point_kind point_kind(uint32_t c)
{
	if (c < 0x80)
		return ascii_alnum((char)c) ? POINT_WORD : POINT_PART;
	if (c == UTF8_REPLACEMENT)
		return POINT_PART;
	if (uc_is_general_category_withtable(
		    c, UC_CATEGORY_MASK_Z | UC_CATEGORY_MASK_P |
			       UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf))
		return POINT_PART;
	if (is_without_blanks(c))
		return POINT_GRAM;
	return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L |
							   UC_CATEGORY_MASK_M |
							   UC_CATEGORY_MASK_N)
		       ? POINT_WORD
		       : POINT_GRAM;
}

size_t point_next(struct span s, enum point_kind *kind)
{
	uint32_t c;
	size_t n = utf8_decode(s, &c);
	*kind = n > 0 ? point_kind(c) : POINT_PART;
	return n > 0 ? n : 1;
}
