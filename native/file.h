/* All of the program's file I/O: whole files in, whole files out, atomically. */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "text.h"

/* Reads a whole regular file of at most `limit` bytes; larger ones fail with `too_large`. FIFOs,
   folders and devices are refused, never waited for. *out is owned by the caller. */
lk_status file_read(const char *path, uint64_t limit, lk_status too_large, lk_bytes *out, fault *f);

/* Replaces or makes `path`: unique temporary in the same folder, fsync, rename, fsync of the
   folder. On failure the old file stands and no temporary is left. Links are written through. */
lk_status file_write(const char *path, const void *bytes, size_t size, fault *f);

/* Files that are replaced together: each is written whole into a temporary beside it, by
   file_stage; when all are there, file_put renames them, in the order they came, and syncs their
   folders. What fails leaves every old file as it was; a rename that does, only where the file
   system can exchange two names. {0} is an empty set; file_drop, which may be called at any time,
   removes what was staged and not put. */
enum { FILES_AT_MOST = 3 };
typedef struct file_set {
    size_t count;
    struct staged {
        char path[PATH_MAX], target[PATH_MAX], folder[PATH_MAX], temporary[PATH_MAX + 8];
        bool exchanged, fresh; /* put: its temporary is the old file now; there was none */
    } items[FILES_AT_MOST];
} file_set;
lk_status file_stage(file_set *set, const char *path, const void *bytes, size_t size, fault *f);
lk_status file_put(file_set *set, fault *f);
void file_drop(file_set *set);

/* Whether file_write could succeed: folder there and writable, no device or folder in the way. */
lk_status file_check_output(const char *path, fault *f);

/* A log that grows by lines; `keep` goes on after what is there. Returns a descriptor or -1. */
int file_log_open(const char *path, bool keep, fault *f);
lk_status file_log_line(int log, const char *path, const char *line, fault *f);
void file_log_close(int log);

/* The only lock on `path` ("X.lock" beside X while held). LK_IO when another process holds it. */
typedef struct file_lock {
    int descriptor; /* -1: not held */
    char path[PATH_MAX];
} file_lock;
lk_status file_lock_take(file_lock *lock, const char *path, fault *f);
void file_lock_release(file_lock *lock);

typedef enum file_kind { FILE_ABSENT, FILE_REGULAR, FILE_FOLDER, FILE_OTHER } file_kind;
file_kind file_kind_of(const char *path);
uint64_t file_size(const char *path);         /* 0 when it is not there */
bool file_same(const char *a, const char *b); /* one file under two names */
void file_remove(const char *path);           /* if it is there */

/* The folder, made if it is not there; the one it is in has to be. */
lk_status file_make_folder(const char *path, fault *f);

/* Names in a folder, sorted bytewise, hidden ones left out. */
lk_status file_list(const char *folder, strings *names, fault *f);

/* folder/name into out[PATH_MAX]; LK_IO when it is too long. */
lk_status file_join(const char *folder, const char *name, char *out, fault *f);

/* The folder that holds this program, into out[PATH_MAX]; false when unknown. */
bool file_program_folder(char *out);

/* All lines of standard input, without their ends. */
lk_status file_read_lines(strings *lines, fault *f);

#endif
