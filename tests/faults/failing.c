/* Lets the disk fail below one directory. Loaded before libc (LD_PRELOAD), so SQLite's own calls are caught too.

   Armed by the process itself:   failing_arm(under, first, last, how)  the calls first..last fail, counted from 1
   or from its environment:       FAIL_UNDER, and FAIL_ERRNO, FAIL_ONLY (a call's name), FAIL_WHILE (a file is there)

   how > 0: that errno. HOW_SHORT: a write takes only half. HOW_FULL: from `first` on whatever takes room has none;
   the database has room again when the file `ballast` there is empty. A blob's fsync that fails loses what is in the
   file once the fault is over, as the kernel may: until it forgets the pages they can still be read, and the next
   fsync says yes. Only a file that was emptied meanwhile has nothing to lose. An fsync that does not fail is not done
   at all: nobody cuts the power here. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOW_SHORT = -1, HOW_FULL = -2 };
static char under[PATH_MAX], ballast[PATH_MAX], what[32];
static const char *only, *marker;
static long first, last;
static int how;
static atomic_long seen;

#define REAL(name, ...) ((int (*)())dlsym(RTLD_NEXT, #name))(__VA_ARGS__)
#define REALW(name, ...) ((ssize_t (*)())dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

void failing_arm(const char *directory, long from, long to, int with) {
    snprintf(under, sizeof under, "%s", directory);
    snprintf(ballast, sizeof ballast, "%s/ballast", directory);
    what[0] = 0, first = from, last = to, how = with, seen = 0;
}
long failing_seen(void) { return seen; }
const char *failing_what(void) { return what; }

__attribute__((constructor)) static void begin(void) {
    if (!getenv("FAIL_UNDER")) return;
    snprintf(under, sizeof under, "%s", getenv("FAIL_UNDER"));
    marker = getenv("FAIL_WHILE"), only = getenv("FAIL_ONLY");
    if (marker) how = atoi(getenv("FAIL_ERRNO"));
}

static int is_under(const char *path) {
    size_t length = strlen(under);
    return length && !strncmp(path, under, length) && (path[length] == '/' || !path[length]);
}
static int is_blob(const char *path) { return strstr(path, "/incoming/") || strstr(path, "/objects/"); }

static int is_kept_back(void) {
    struct stat facts;
    return !stat(ballast, &facts) && facts.st_size > 0;
}

/* Returns 0 to let a call on `path` go on, else `how`. */
static int verdict(const char *name, const char *path, int takes_room) {
    int saved = errno, fails;
    if (!is_under(path)) return 0;
    if (marker) {
        fails = !access(marker, F_OK) && (!only || !strcmp(only, name));
    } else {
        long number = ++seen;
        fails = first && number >= first && number <= last;
        if (fails && how == HOW_FULL) fails = takes_room && (is_blob(path) || is_kept_back());
        if (fails && how == HOW_SHORT) fails = takes_room == 2;
    }
    errno = saved;
    if (fails) snprintf(what, sizeof what, "%s", name);
    return fails ? how : 0;
}
static const char *path_of(int file, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return path;
}
static int number_of(int with) { return with == HOW_FULL ? ENOSPC : with; }

#define WRITES(name, more, ...)                                                                    \
    ssize_t name(int file, const void *data, size_t size more) {                                   \
        char path[PATH_MAX];                                                                       \
        int with = verdict(#name, path_of(file, path), 2);                                         \
        if (with == HOW_SHORT && size > 1) size /= 2;                                              \
        else if (with && with != HOW_SHORT) return errno = number_of(with), -1;                    \
        return REALW(name, __VA_ARGS__);                                                           \
    }
#define AND_OFFSET , off_t offset
WRITES(write, , file, data, size)
WRITES(pwrite, AND_OFFSET, file, data, size, offset)
WRITES(pwrite64, AND_OFFSET, file, data, size, offset)

static int doubted = -1; /* a file whose fsync failed; one at most, since one call fails */
static void doubt(int file, const char *path) {
    struct stat facts;
    if (is_blob(path) && !fstat(file, &facts) && S_ISREG(facts.st_mode)) doubted = dup(file);
}
static void emptied(int file) {
    struct stat one, other;
    if (doubted < 0 || fstat(file, &one) || fstat(doubted, &other) || one.st_ino != other.st_ino) return;
    close(doubted), doubted = -1;
}
void failing_disarm(void) {
    struct stat facts;
    first = last = 0;
    if (doubted < 0 || fstat(doubted, &facts)) return;
    for (off_t at = 0; at < facts.st_size; at++) REALW(pwrite64, doubted, "", (size_t)1, at);
    close(doubted), doubted = -1;
}
#define SYNCS(name)                                                                                \
    int name(int file) {                                                                           \
        char path[PATH_MAX];                                                                       \
        int with = verdict(#name, path_of(file, path), 0);                                         \
        if (with && with != HOW_SHORT) return doubt(file, path), errno = number_of(with), -1;       \
        return is_under(path) ? 0 : REAL(name, file);                                              \
    }
SYNCS(fsync)
SYNCS(fdatasync)

#define ON_FILE(name, room, fail, then, kinds, ...)                                                \
    int name kinds {                                                                               \
        char path[PATH_MAX];                                                                       \
        int with = verdict(#name, path_of(file, path), room);                                      \
        if (with && with != HOW_SHORT) return fail;                                                \
        then;                                                                                      \
        return REAL(name, __VA_ARGS__);                                                            \
    }
#define TELL (errno = number_of(with), -1)
ON_FILE(ftruncate, 0, TELL, if (!size) emptied(file), (int file, off_t size), file, size)
ON_FILE(ftruncate64, 0, TELL, if (!size) emptied(file), (int file, off_t size), file, size)
ON_FILE(posix_fallocate, 1, number_of(with), , (int file, off_t at, off_t size), file, at, size)
ON_FILE(posix_fallocate64, 1, number_of(with), , (int file, off_t at, off_t size), file, at, size)

#define ON_PATH(name, room, kinds, ...)                                                            \
    int name kinds {                                                                               \
        int with = verdict(#name, path, room);                                                     \
        if (with && with != HOW_SHORT) return TELL;                                                \
        return REAL(name, __VA_ARGS__);                                                            \
    }
ON_PATH(rename, 0, (const char *from, const char *path), from, path)
ON_PATH(unlink, 0, (const char *path), path)
ON_PATH(mkdir, 1, (const char *path, mode_t mode), path, mode)

#define OPENS(name)                                                                                \
    int name(const char *path, int flags, ...) {                                                   \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;                                  \
        va_end(more);                                                                              \
        int saved = errno;                                                                         \
        int with = flags & O_CREAT ? verdict(#name, path, access(path, F_OK) != 0) : 0;            \
        errno = saved;                                                                             \
        if (with && with != HOW_SHORT) return TELL;                                                \
        return REAL(name, path, flags, mode);                                                      \
    }
OPENS(open)
OPENS(open64)
