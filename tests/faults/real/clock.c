/* Sets the clock of one process, and of no other: what the system says is the time of day, and so many nanoseconds
   more, as the first eight bytes of the file CLOCK_OFFSET_FILE say at that moment. Other clocks stay as they are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static volatile int64_t *offset_ns;
static int (*system_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_OFFSET_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    system_clock = dlsym(RTLD_NEXT, "clock_gettime");
    if (file >= 0) {
        void *found = mmap(0, sizeof *offset_ns, PROT_READ, MAP_SHARED, file, 0);
        if (found != MAP_FAILED) offset_ns = found;
    }
}

int clock_gettime(clockid_t which, struct timespec *at) {
    if (!system_clock) begin();
    int result = system_clock(which, at);
    if (result == 0 && which == CLOCK_REALTIME && offset_ns) {
        int64_t all = at->tv_sec * INT64_C(1000000000) + at->tv_nsec + *offset_ns;
        at->tv_sec = all / INT64_C(1000000000);
        at->tv_nsec = all % INT64_C(1000000000);
    }
    return result;
}
