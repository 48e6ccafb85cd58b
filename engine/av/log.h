#ifndef RTSPREC_LOG_H
#define RTSPREC_LOG_H

#define RP_LOG_LINE 256

// rp_log_pending is 1 while there is something to take.
extern int rp_log_pending;

// rp_log_start keeps FFmpeg's warnings and errors, a bounded number a second; how
// many there were beyond that is a line, too.
void rp_log_start(void);

// rp_log_take takes the oldest line, or returns 0 when there is none.
int rp_log_take(char line[RP_LOG_LINE]);

#endif
