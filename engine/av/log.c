//go:build cgo

// What FFmpeg says, kept until Go fetches it. FFmpeg talks from any thread, also from
// those that Go does not know, so nothing here calls into Go, and nothing can be longer
// than its place.

#include "log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/log.h>
#include <libavutil/time.h>

#define LINES 64
#define PER_SECOND 32

int rp_log_pending;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[LINES][RP_LOG_LINE];
static int first, count, lost, this_second;
static int64_t second;

static void keep(void *object, int level, const char *format, va_list arguments) {
	if (level > AV_LOG_WARNING)
		return;
	pthread_mutex_lock(&lock);
	int64_t now = av_gettime_relative() / 1000000;
	if (now != second) {
		if (lost > 0 && count < LINES) {
			snprintf(lines[(first + count++) % LINES], RP_LOG_LINE, "and %d lines more", lost);
			lost = 0;
		}
		second = now;
		this_second = 0;
	}
	if (count == LINES || this_second == PER_SECOND) {
		lost++;
	} else {
		int prefix = 1;
		av_log_format_line2(object, level, format, arguments, lines[(first + count) % LINES], RP_LOG_LINE, &prefix);
		count++;
		this_second++;
	}
	__atomic_store_n(&rp_log_pending, 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&lock);
}

void rp_log_start(void) {
	av_log_set_callback(keep);
}

int rp_log_take(char *line) {
	pthread_mutex_lock(&lock);
	int some = count > 0;
	if (some) {
		memcpy(line, lines[first], RP_LOG_LINE);
		first = (first + 1) % LINES;
		count--;
	} else {
		__atomic_store_n(&rp_log_pending, 0, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&lock);
	return some;
}
