/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/whynot - `letterlock why-not DOMAIN`: what would happen now.
 */
#pragma once

#include "role/courier/courier.h"
#include "wire/admin_courier.h"

/* The courier's end of admin_courier; its owner is the courier. */
extern const struct admin_courier_at_courier whynot_handlers;
/* Every question that is under way ends, with an answer into nothing. */
void whynot_end(struct courier *);
