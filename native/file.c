#include "file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

static lk_status read_all(int descriptor, const char *path, lk_bytes *out, fault *f) {
    size_t done = 0;
    while (done < out->size) {
        const ssize_t got = read(descriptor, out->data + done, out->size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(f, path, "cannot read");
        if (got == 0) break;
        done += (size_t)got;
    }
    out->size = done;
    return LK_OK;
}

static lk_status read_open(int descriptor, const char *path, uint64_t limit, lk_status too_large,
                           lk_bytes *out, fault *f) {
    struct stat info;
    if (fstat(descriptor, &info) != 0) return fail_errno(f, path, "cannot read");
    if (S_ISDIR(info.st_mode)) return fail(f, LK_IO, path, "a folder, not a file");
    if (!S_ISREG(info.st_mode)) return fail(f, LK_IO, path, "not a regular file");
    const uint64_t size = (uint64_t)info.st_size;
    if (size > limit)
        return fail(f, too_large, path, "%llu bytes, more than the %llu that are allowed",
                    (unsigned long long)size, (unsigned long long)limit);
    out->size = (size_t)size;
    out->data = lk_alloc(out->size);
    if (!out->data) return fail_memory(f);
    return read_all(descriptor, path, out, f);
}

lk_status file_read(const char *path, uint64_t limit, lk_status too_large, lk_bytes *out,
                    fault *f) {
    *out = (lk_bytes){0};
    /* O_NONBLOCK: opening a FIFO that nobody writes to must not wait. */
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return fail_errno(f, path, "cannot open");
    const lk_status status = read_open(descriptor, path, limit, too_large, out, f);
    close(descriptor);
    if (status) {
        lk_free(out->data);
        *out = (lk_bytes){0};
    }
    return status;
}

lk_status file_read_lines(strings *lines, fault *f) {
    char line[PATH_MAX];
    while (fgets(line, sizeof line, stdin)) {
        const size_t length = strcspn(line, "\n");
        if (line[length] == 0 && !feof(stdin))
            return fail(f, LK_IO, "-", "a line is longer than a file's name can be");
        line[length] = 0;
        if (length > 0 && !strings_add(lines, line)) return fail_memory(f);
    }
    return ferror(stdin) ? fail_errno(f, "-", "cannot read") : LK_OK;
}

/* ---- names ---- */

file_kind file_kind_of(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0) {
        /* What cannot be looked at is not taken for absent: opening it will say why. */
        const bool absent = errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG;
        return absent ? FILE_ABSENT : FILE_OTHER;
    }
    if (S_ISREG(info.st_mode)) return FILE_REGULAR;
    return S_ISDIR(info.st_mode) ? FILE_FOLDER : FILE_OTHER;
}

uint64_t file_size(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

bool file_same(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

void file_remove(const char *path) {
    unlink(path);
}

lk_status file_join(const char *folder, const char *name, char *out, fault *f) {
    const size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    if (snprintf(out, PATH_MAX, "%s%s%s", folder, slash, name) >= PATH_MAX)
        return fail(f, LK_IO, folder, "a name in it is too long");
    return LK_OK;
}

lk_status file_make_folder(const char *path, fault *f) {
    if (file_kind_of(path) == FILE_FOLDER || mkdir(path, 0777) == 0) return LK_OK;
    return fail_errno(f, path, "cannot make the folder");
}

lk_status file_list(const char *folder, strings *names, fault *f) {
    DIR *dir = opendir(folder);
    if (!dir) return fail_errno(f, folder, "cannot open");
    lk_status status = LK_OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno) status = fail_errno(f, folder, "cannot read");
            break;
        }
        if (entry->d_name[0] == '.') continue;
        if (!strings_add(names, entry->d_name)) {
            status = fail_memory(f);
            break;
        }
    }
    closedir(dir);
    strings_sort(names);
    return status;
}

bool file_program_folder(char *out) {
    const ssize_t length = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (length <= 0) return false;
    out[length] = 0;
    char *slash = strrchr(out, '/');
    if (!slash) return false;
    *slash = 0;
    return true;
}

/* ---- writing ---- */

/* Where writing `path` really lands, links followed, and the folder of that. */
static lk_status resolve(const char *path, char *target, char *folder, fault *f) {
    if (!realpath(path, target) && snprintf(target, PATH_MAX, "%s", path) >= PATH_MAX)
        return fail(f, LK_IO, path, "the name is too long");
    snprintf(folder, PATH_MAX, "%s", target);
    char *slash = strrchr(folder, '/');
    if (!slash) {
        snprintf(folder, PATH_MAX, ".");
    } else {
        slash[slash == folder] = 0; /* "/x" stands in "/" */
    }
    return LK_OK;
}

lk_status file_check_output(const char *path, fault *f) {
    char target[PATH_MAX], folder[PATH_MAX];
    const lk_status status = resolve(path, target, folder, f);
    if (status) return status;
    const size_t length = strlen(path);
    if (length == 0 || path[length - 1] == '/' || file_kind_of(path) == FILE_FOLDER)
        return fail(f, LK_IO, path, "cannot write: a folder, not a file");
    if (file_kind_of(path) == FILE_OTHER)
        return fail(f, LK_IO, path, "cannot write: not a regular file");
    if (access(folder, W_OK | X_OK) != 0 || file_kind_of(folder) != FILE_FOLDER)
        return fail(f, LK_IO, path, "cannot write into folder %s: %s", folder,
                    file_kind_of(folder) == FILE_FOLDER ? strerror(errno) : "no such folder");
    return LK_OK;
}

static lk_status write_all(int descriptor, const char *path, const void *bytes, size_t size,
                           fault *f) {
    const unsigned char *at = bytes;
    while (size > 0) {
        const ssize_t put = write(descriptor, at, size);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_errno(f, path, "cannot write");
        at += put;
        size -= (size_t)put;
    }
    return LK_OK;
}

static lk_status sync_folder(const char *folder, fault *f) {
    const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return fail_errno(f, folder, "cannot open");
    /* Some file systems cannot sync a folder and say EINVAL: nothing more can be done there. */
    const bool ok = fsync(descriptor) == 0 || errno == EINVAL;
    const lk_status status = ok ? LK_OK : fail_errno(f, folder, "cannot sync");
    close(descriptor);
    return status;
}

/* mkstemp makes files for their owner alone; a result has the usual rights. */
static mode_t usual_mode(const char *target) {
    struct stat info;
    if (stat(target, &info) == 0) return info.st_mode & 0777;
    const mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

lk_status file_stage(file_set *set, const char *path, const void *bytes, size_t size, fault *f) {
    assert(set->count < FILES_AT_MOST);
    struct staged *s = &set->items[set->count];
    char target[PATH_MAX], temporary[PATH_MAX + 8];
    lk_status status = file_check_output(path, f);
    if (status || (status = resolve(path, target, s->folder, f))) return status;
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", target);
    const int descriptor = mkstemp(temporary);
    if (descriptor < 0) return fail_errno(f, path, "cannot write");
    status = write_all(descriptor, path, bytes, size, f);
    if (!status && (fchmod(descriptor, usual_mode(target)) != 0 || fsync(descriptor) != 0))
        status = fail_errno(f, path, "cannot write");
    if (close(descriptor) != 0 && !status) status = fail_errno(f, path, "cannot write");
    if (status) {
        unlink(temporary);
        return status;
    }
    snprintf(s->path, sizeof s->path, "%s", path);
    strcpy(s->target, target);
    strcpy(s->temporary, temporary);
    set->count++;
    return LK_OK;
}

static bool exchange(const struct staged *s) {
#ifdef RENAME_EXCHANGE
    return renameat2(AT_FDCWD, s->temporary, AT_FDCWD, s->target, RENAME_EXCHANGE) == 0;
#else
    (void)s;
    errno = ENOSYS;
    return false;
#endif
}

/* Of several files, each old one is kept until all the new ones are in place. */
static bool put(struct staged *s, bool several) {
    s->exchanged = several && exchange(s);
    s->fresh = several && !s->exchanged && errno == ENOENT;
    if (s->exchanged) return true;
    /* Not every file system can exchange names, nor every sandbox lets one. */
    const bool cannot = errno == EINVAL || errno == ENOSYS || errno == EPERM;
    if (several && !s->fresh && !cannot) return false;
    if (rename(s->temporary, s->target) != 0) return false;
    *s->temporary = 0;
    return true;
}

static void take_back(const struct staged *s) {
    if (s->exchanged) exchange(s);
    if (s->fresh) unlink(s->target);
}

lk_status file_put(file_set *set, fault *f) {
    lk_status status = LK_OK;
    size_t done = 0;
    while (done < set->count && !status) {
        struct staged *s = &set->items[done];
        if (put(s, set->count > 1))
            done++;
        else
            status = fail_errno(f, s->path, "cannot rename");
    }
    while (status && done > 0) take_back(&set->items[--done]);
    for (struct staged *s = set->items; s < set->items + set->count && !status; s++)
        if (s == set->items || strcmp(s->folder, s[-1].folder) != 0)
            status = sync_folder(s->folder, f);
    file_drop(set);
    return status;
}

void file_drop(file_set *set) {
    while (set->count > 0)
        if (*set->items[--set->count].temporary) unlink(set->items[set->count].temporary);
}

lk_status file_write(const char *path, const void *bytes, size_t size, fault *f) {
    file_set one = {0};
    const lk_status status = file_stage(&one, path, bytes, size, f);
    return status ? status : file_put(&one, f);
}

/* ---- logs and locks ---- */

int file_log_open(const char *path, bool keep, fault *f) {
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | (keep ? O_APPEND : O_TRUNC);
    const int log = open(path, flags, 0666);
    if (log < 0) fail_errno(f, path, "cannot open");
    return log;
}

lk_status file_log_line(int log, const char *path, const char *line, fault *f) {
    const lk_status status = write_all(log, path, line, strlen(line), f);
    return status ? status : write_all(log, path, "\n", 1, f);
}

void file_log_close(int log) {
    if (log >= 0) close(log);
}

lk_status file_lock_take(file_lock *lock, const char *path, fault *f) {
    lock->descriptor = -1;
    if (snprintf(lock->path, sizeof lock->path, "%s.lock", path) >= (int)sizeof lock->path)
        return fail(f, LK_IO, path, "the name is too long");
    for (int tries = 0; tries < 100; tries++) {
        const int descriptor = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (descriptor < 0) return fail_errno(f, lock->path, "cannot open");
        struct stat held, named;
        if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
            close(descriptor);
            return fail(f, LK_IO, path, "another process is writing it");
        }
        /* The holder before us may have removed the name after we opened it: then try again. */
        if (fstat(descriptor, &held) == 0 && stat(lock->path, &named) == 0 &&
            held.st_ino == named.st_ino) {
            lock->descriptor = descriptor;
            return LK_OK;
        }
        close(descriptor);
    }
    return fail(f, LK_IO, path, "cannot be locked");
}

void file_lock_release(file_lock *lock) {
    if (lock->descriptor < 0) return;
    unlink(lock->path);
    close(lock->descriptor);
    lock->descriptor = -1;
}
