//go:build cgo

#define _GNU_SOURCE

#include "monitor.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static sem_t done;
static uint64_t slack_wanted;

static void on_thread(int number) {
	int kept = errno;
	(void)number;
	prctl(PR_SET_TIMERSLACK, slack_wanted, 0, 0, 0);
	sem_post(&done);
	errno = kept;
}

static int sleeps(int thread) {
	char name[64], number[16] = "";
	snprintf(name, sizeof name, "/proc/self/task/%d/syscall", thread);
	FILE *f = fopen(name, "r");
	if (!f)
		return 0;
	int found = fscanf(f, "%15s", number) == 1 && strcmp(number, "running");
	fclose(f);
	int n = -1;
	return found && sscanf(number, "%d", &n) == 1 && n == SYS_nanosleep;
}

// A thread can set this for itself only, hence the signal.
int monitor_calm(int thread, uint64_t slack) {
	if (!sleeps(thread))
		return 0;
	struct sigaction ours, before;
	memset(&ours, 0, sizeof ours);
	ours.sa_handler = on_thread;
	ours.sa_flags = SA_ONSTACK | SA_RESTART;
	slack_wanted = slack;
	if (sem_init(&done, 0, 0) < 0)
		return 0;
	const int number = SIGRTMAX - 1;
	if (sigaction(number, &ours, &before) < 0)
		return 0;
	int told = syscall(SYS_tgkill, getpid(), thread, number) == 0;
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	while (told && sem_timedwait(&done, &until) < 0)
		if (errno != EINTR)
			return -1; // the signal may still come
	sigaction(number, &before, NULL);
	return told;
}
