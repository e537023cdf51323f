/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/self - paths, exec and the terminal, for the command line.
 *
 * The terminal gets its echo back on every way out of self_ask_secret; a signal
 * that ends the process meanwhile is blocked until then.
 */
#include "os/self.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum os self_folder(char *out, size_t cap)
{
	char *path = realpath("/proc/self/exe", NULL);
	size_t slash = path ? span_find_last(span_cstr(path), '/') : SIZE_MAX;
	if (slash == SIZE_MAX || slash + 1 > cap) {
		free(path);
		return OS_NOENT;
	}
	memcpy(out, path, slash);
	out[slash] = '\0';
	free(path);
	return OS_OK;
}

enum os self_absolute(const char *path, char *out, size_t cap)
{
	char folder[4096] = "";
	int n;
	if (path[0] != '/' && getcwd(folder, sizeof folder) == NULL)
		return os_from_errno(errno);
	n = snprintf(out, cap, "%s%s%s", folder, path[0] == '/' ? "" : "/", path);
	return n >= 0 && (size_t)n < cap ? OS_OK : OS_TOOBIG;
}

enum os self_become(const char *path, const char *const argv[])
{
	(void)execv(path, (char *const *)(uintptr_t)argv);
	return os_from_errno(errno);
}

enum os self_passage(const char *path)
{
	return chmod(path, 0711) == 0 ? OS_OK : os_from_errno(errno);
}

enum os self_read_input(struct buf *out)
{
	ssize_t n;
	do {
		char *room = buf_room(out, 4096);
		if (room == NULL)
			return OS_TOOBIG;
		n = read(STDIN_FILENO, room, 4096);
		buf_wrote(out, n > 0 ? (size_t)n : 0);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n == 0 ? OS_OK : os_from_errno(errno);
}

bool self_is_terminal(int fd) { return isatty(fd) == 1; }

unsigned self_columns(int fd, unsigned otherwise)
{
	struct winsize size;
	if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return otherwise;
	return size.ws_col;
}

static enum os read_line(int fd, struct buf *line)
{
	char c;
	ssize_t n;
	while ((n = read(fd, &c, 1)) == 1 && c != '\n')
		buf_addc(line, c);
	if (n < 0)
		return os_from_errno(errno);
	return buf_ok(line) ? OS_OK : OS_TOOBIG;
}

/* Signals that are held back while there is no echo. */
static void hold(sigset_t *before)
{
	sigset_t s;
	(void)sigemptyset(&s);
	(void)sigaddset(&s, SIGINT);
	(void)sigaddset(&s, SIGTERM);
	(void)sigaddset(&s, SIGTSTP);
	(void)sigprocmask(SIG_BLOCK, &s, before);
}

static enum os ask_on(int fd, const char *prompt, struct buf *line)
{
	struct termios shown, hidden;
	sigset_t before;
	enum os r;
	if (tcgetattr(fd, &shown) != 0)
		return OS_NOENT;
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ISIG);
	hold(&before);
	r = tcsetattr(fd, TCSAFLUSH, &hidden) == 0 ? OS_OK : OS_IO;
	if (r == OS_OK && dprintf(fd, "%s", prompt) >= 0)
		r = read_line(fd, line);
	(void)tcsetattr(fd, TCSAFLUSH, &shown);
	(void)dprintf(fd, "\n");
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	/* Ctrl-C came as a character: the signals are off meanwhile. */
	if (r == OS_OK && span_has(buf_span(line), '\x03'))
		r = OS_BROKEN;
	return r;
}

enum os self_ask_secret(const char *prompt, struct buf *line)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	enum os r = OS_NOENT;
	if (fd >= 0)
		r = ask_on(fd, prompt, line);
	if (fd >= 0)
		(void)close(fd);
	return r;
}
