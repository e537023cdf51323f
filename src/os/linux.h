/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/linux - the parts of world_linux's table, a file each.
 *
 * Each function does what the table's comment in world.h and the wrapper's
 * comment in sock.h or file.h say.
 */
#pragma once

#include "base/ensure.h"
#include "os/world.h"

enum os linux_result(long r); /* OS_OK when r >= 0, else from errno */

enum os linux_listen(struct world *, const struct addr *, struct listen_how, int *);
enum os linux_accept(struct world *, int, int *, struct addr *);
enum os linux_connect(struct world *, const struct addr *, const struct addr *, int *);
enum os linux_connected(struct world *, int);
enum os linux_local(struct world *, int, struct addr *);
enum os linux_read(struct world *, int, void *, size_t, size_t *);
enum os linux_write(struct world *, int, const void *, size_t, size_t *);
enum os linux_shutdown(struct world *, int);
enum os linux_stream_pair(struct world *, int[2]);
enum os linux_packet_pair(struct world *, int[2]);
enum os linux_packet_listen(struct world *, const char *, uint32_t, int *);
enum os linux_packet_accept(struct world *, int, int *, struct peer_cred *);
enum os linux_packet_connect(struct world *, const char *, int *);
enum os linux_packet_send(struct world *, int, const void *, size_t, int);
enum os linux_packet_recv(struct world *, int, void *, size_t, size_t *, int *);

enum os linux_blob_new(struct world *, int *);
enum os linux_blob_seal(struct world *, int);
enum os linux_blob_check(struct world *, int, uint64_t *);
enum os linux_open(struct world *, int, const char *, struct open_how, int *);
enum os linux_pread(struct world *, int, void *, size_t, uint64_t, size_t *);
enum os linux_pwrite(struct world *, int, const void *, size_t, uint64_t, size_t *);
enum os linux_append(struct world *, int, const void *, size_t, size_t *);
enum os linux_sync(struct world *, int, bool);
enum os linux_truncate(struct world *, int, uint64_t);
enum os linux_reserve(struct world *, int, uint64_t);
enum os linux_facts(struct world *, int, struct file_facts *);
enum os linux_mkdir(struct world *, int, const char *);
enum os linux_own(struct world *, int, uint32_t, uint32_t);
enum os linux_enter(struct world *, int);
enum os linux_link(struct world *, int, const char *, int, const char *);
enum os linux_rename(struct world *, int, const char *, int, const char *);
enum os linux_unlink(struct world *, int, const char *);
enum os linux_rmdir(struct world *, int, const char *);
enum os linux_each(struct world *, int, file_each_fn *, void *);
enum os linux_lock(struct world *, int);
enum os linux_space(struct world *, int, uint64_t *, uint64_t *);
