/* SPDX-License-Identifier: Apache-2.0 */
/* role/sorter/terms - what a message holds, for the store's index. */
#pragma once

#include "mime/gist.h"
#include "role/sorter/message.h"
#include "wire/store_sorter.h"

/* What is answered lives in the arena. */
void message_terms(struct message *, const struct store_sorter_terms *,
		   struct mime_charsets *, const uint8_t secret[SIPHASH_KEY],
		   struct arena *, struct store_sorter_terms_reply *);
