/* SPDX-License-Identifier: Apache-2.0 */
/* role/courier/story: one step, told to all that listen. */
#include "role/courier/story.h"

void story_tell(const struct story *s, const char *event,
		const struct log_field *fields, size_t count)
{
	if (s->log != NULL)
		log_event(s->log, ROLE_LOGGER_LEVEL_INFO, event, s->id, fields,
			  count);
	if (s->also != NULL)
		s->also(s->owner, event, fields, count);
}
