/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/attr - the few compiler attributes that this code base uses.
 *
 * MUST_USE     the caller has to look at the result (a failure of the world).
 * NONNULL      no pointer argument may be NULL.
 * PRINTF_LIKE  argument f is a format, its values start at argument a.
 */
#pragma once

#define MUST_USE          __attribute__((warn_unused_result))
#define NONNULL           __attribute__((nonnull))
#define NORETURN          __attribute__((noreturn))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define UNUSED            __attribute__((unused))

#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))

/* The struct of type t whose member m stands at p. */
#define CONTAINER_OF(p, t, m) ((t *)(void *)((char *)(p) - offsetof(t, m)))
