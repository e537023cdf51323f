/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/fetch/connect: takes connect() away from every library of this process.
 *
 * libcurl is told that its descriptors are connected (CURL_SOCKOPT_ALREADY_CONNECTED);
 * 7.88 calls connect() all the same and takes EISCONN for a failure.  A program's
 * own definition comes before the C library's, so that call ends here; the real
 * one would end the process, for this role has no right to it.
 *
 * Must never reach the kernel, and is part of this program alone.
 */
#include <curl/curl.h> /* its platform's declaration of connect */

__attribute__((visibility("default"))) int
connect(int fd, const struct sockaddr *to, socklen_t len)
{
	(void)fd;
	(void)to;
	(void)len;
	return 0; /* if it is not connected, the next read or write says so */
}
