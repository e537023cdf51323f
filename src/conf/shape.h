/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/shape - what names of every kind may look like, for who reads them from a
 * file and for who reads them from a slice.
 */
#pragma once

#include "base/span.h"

#define CONF_NAME_MAX 63u /* bytes in a block's name */

bool conf_is_host(struct span);
bool conf_is_name(struct span);
bool conf_is_path(struct span);
bool conf_is_pattern(struct span); /* of domains */
/* Without what has to be quoted. */
bool conf_is_address(struct span);
/* An address, or a domain with an @ in front. */
bool conf_is_map_side(struct span);
/* Two addresses, or two domains with an @ in front. */
bool conf_is_map(struct span from, struct span to);
/* A sign that addresses and domains are not made of otherwise. */
bool conf_is_delimiter(char);
