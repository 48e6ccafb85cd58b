// Go's monitor thread, which a process that calls much C keeps awake.

#ifndef RTSPREC_MONITOR_H
#define RTSPREC_MONITOR_H

#include <stdint.h>

// monitor_calm lets a thread of this process sleep for up to so many nanoseconds longer than
// it asks for, if it is in nanosleep: 1 it was and may now, 0 it is not, or cannot be asked,
// -1 it does not answer.
int monitor_calm(int thread, uint64_t slack);

#endif
