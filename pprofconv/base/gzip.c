/* SPDX-License-Identifier: MIT */
/* Compression takes half the time of a conversion, so it runs in several threads. The data is cut
 * into blocks of one size. Each block is compressed separately, with the end of the previous block
 * as its dictionary, and its result ends at a byte boundary. The results, one after the other, are
 * an ordinary deflate stream. (pigz does the same.)
 *
 * The jobs form a ring. The caller fills the block of one job after the other and submits the jobs.
 * Before it fills a job again, it waits until that job is done and writes its result. So results
 * stay in order. */
#include "base/gzip.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define BLOCK_SIZE      (256u << 10)
#define DICTIONARY_SIZE (32u << 10) /* deflate's window */
#define N_JOBS          (2 * GZIP_THREADS_MAX)

/* Deflate data can't be larger than its input by more than 1/1000 and a few bytes. */
#define PACKED_SIZE (BLOCK_SIZE + BLOCK_SIZE / 512 + 128)

enum job_state {
	JOB_FREE,
	JOB_READY, /* waits for a thread */
	JOB_TAKEN,
	JOB_DONE,
};

struct job {
	enum job_state state;
	bool is_last;
	bool has_failed;
	size_t n_dictionary;
	size_t n_block;
	size_t n_packed;
	unsigned long crc;
	unsigned char dictionary[DICTIONARY_SIZE];
	unsigned char block[BLOCK_SIZE];
	unsigned char packed[PACKED_SIZE];
};

struct gzip {
	struct output *output;
	struct job *jobs;
	size_t at; /* the job that is being filled */
	size_t next_to_take;
	unsigned long crc;
	uint32_t n_bytes; /* size of all blocks, modulo 2^32 as the format defines it */
	z_stream streams[GZIP_THREADS_MAX + 1]; /* the last one is the caller's */
	pthread_t threads[GZIP_THREADS_MAX];
	size_t n_threads;
	pthread_mutex_t lock; /* guards the states of jobs, next_to_take and is_over */
	pthread_cond_t changed;
	bool is_over;
};

struct worker {
	struct gzip *gzip;
	z_stream *stream;
};

/* --- one block ----------------------------------------------------------------------------- */

static void pack(struct job *job, z_stream *stream)
{
	deflateReset(stream);
	if (job->n_dictionary)
		deflateSetDictionary(stream, job->dictionary, (uInt)job->n_dictionary);
	stream->next_in = job->block;
	stream->avail_in = (uInt)job->n_block;
	stream->next_out = job->packed;
	stream->avail_out = PACKED_SIZE;
	deflate(stream, job->is_last ? Z_FINISH : Z_SYNC_FLUSH);
	job->has_failed = stream->avail_in || !stream->avail_out;
	job->n_packed = PACKED_SIZE - stream->avail_out;
	job->crc = crc32(0, job->block, (uInt)job->n_block);
}

/* --- threads ------------------------------------------------------------------------------- */

/* Waits for a job. Returns the oldest job that is ready, or NULL if no more jobs will come. Call it
 * with the lock held. */
static struct job *take_job(struct gzip *gzip)
{
	for (;;) {
		struct job *job = &gzip->jobs[gzip->next_to_take];

		if (job->state == JOB_READY) {
			gzip->next_to_take = (gzip->next_to_take + 1) % N_JOBS;
			job->state = JOB_TAKEN;
			return job;
		}
		if (gzip->is_over)
			return NULL;
		pthread_cond_wait(&gzip->changed, &gzip->lock);
	}
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct gzip *gzip = worker->gzip;
	struct job *job;

	pthread_mutex_lock(&gzip->lock);
	while ((job = take_job(gzip))) {
		pthread_mutex_unlock(&gzip->lock);
		pack(job, worker->stream);
		pthread_mutex_lock(&gzip->lock);
		job->state = JOB_DONE;
		pthread_cond_broadcast(&gzip->changed);
	}
	pthread_mutex_unlock(&gzip->lock);
	free(worker);
	return NULL;
}

/* Starts a thread and returns true, or returns false if memory is out or the system refuses a
 * thread. */
static bool start_thread(struct gzip *gzip)
{
	struct worker *worker = malloc(sizeof(*worker));

	if (!worker)
		return false;
	*worker = (struct worker){gzip, &gzip->streams[gzip->n_threads]};
	if (pthread_create(&gzip->threads[gzip->n_threads], NULL, work, worker) != 0) {
		free(worker);
		return false;
	}
	gzip->n_threads++;
	return true;
}

static void stop_threads(struct gzip *gzip)
{
	pthread_mutex_lock(&gzip->lock);
	gzip->is_over = true;
	pthread_cond_broadcast(&gzip->changed);
	pthread_mutex_unlock(&gzip->lock);
	while (gzip->n_threads)
		pthread_join(gzip->threads[--gzip->n_threads], NULL);
}

size_t gzip_best_threads(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (n <= 1)
		return 0;
	return n < GZIP_THREADS_MAX ? (size_t)n : GZIP_THREADS_MAX;
}

/* --- the whole stream ---------------------------------------------------------------------- */

static void write_header(struct gzip *gzip, int level)
{
	unsigned char header[10] = {0x1f, 0x8b, Z_DEFLATED};

	header[8] = level == 1 ? 4 : level == 9 ? 2 : 0; /* fastest, slowest, neither */
	header[9] = 3;                                   /* Unix */
	output_write(gzip->output, header, sizeof(header));
}

struct gzip *gzip_new(struct output *output, int level, size_t n_threads)
{
	struct gzip *gzip = calloc(1, sizeof(*gzip));

	if (!gzip)
		return NULL;
	gzip->output = output;
	pthread_mutex_init(&gzip->lock, NULL);
	pthread_cond_init(&gzip->changed, NULL);
	gzip->jobs = calloc(N_JOBS, sizeof(*gzip->jobs));
	for (size_t i = 0; gzip->jobs && i <= GZIP_THREADS_MAX; i++)
		if (deflateInit2(&gzip->streams[i], level, Z_DEFLATED, -15 /* no header */,
				 9 /* most memory */, Z_DEFAULT_STRATEGY) != Z_OK) {
			gzip_free(gzip);
			return NULL;
		}
	if (!gzip->jobs) {
		gzip_free(gzip);
		return NULL;
	}
	write_header(gzip, level);
	while (gzip->n_threads < n_threads && gzip->n_threads < GZIP_THREADS_MAX)
		if (!start_thread(gzip))
			break;
	return gzip;
}

void gzip_free(struct gzip *gzip)
{
	if (!gzip)
		return;
	stop_threads(gzip);
	for (size_t i = 0; i <= GZIP_THREADS_MAX; i++)
		deflateEnd(&gzip->streams[i]);
	pthread_mutex_destroy(&gzip->lock);
	pthread_cond_destroy(&gzip->changed);
	free(gzip->jobs);
	free(gzip);
}

/* Hands a job to the threads, or compresses its block here if there are no threads. */
static void submit(struct gzip *gzip, struct job *job)
{
	gzip->n_bytes += (uint32_t)job->n_block;
	if (!gzip->n_threads) {
		pack(job, &gzip->streams[GZIP_THREADS_MAX]);
		job->state = JOB_DONE;
		return;
	}
	pthread_mutex_lock(&gzip->lock);
	job->state = JOB_READY;
	pthread_cond_broadcast(&gzip->changed);
	pthread_mutex_unlock(&gzip->lock);
}

/* If the job was submitted, waits until it is done, writes its result to the output and marks the
 * job free. */
static void collect(struct gzip *gzip, struct job *job)
{
	bool was_submitted;

	pthread_mutex_lock(&gzip->lock);
	was_submitted = job->state != JOB_FREE;
	while (was_submitted && job->state != JOB_DONE)
		pthread_cond_wait(&gzip->changed, &gzip->lock);
	job->state = JOB_FREE;
	pthread_mutex_unlock(&gzip->lock);
	if (!was_submitted)
		return;
	if (job->has_failed)
		output_fail(gzip->output, -EIO);
	output_write(gzip->output, job->packed, job->n_packed);
	gzip->crc = crc32_combine(gzip->crc, job->crc, (z_off_t)job->n_block);
}

/* Submits the current job and moves on to the next job, whose dictionary is the end of the current
 * block. */
static void finish_block(struct gzip *gzip)
{
	struct job *job = &gzip->jobs[gzip->at], *next;

	submit(gzip, job);
	gzip->at = (gzip->at + 1) % N_JOBS;
	next = &gzip->jobs[gzip->at];
	collect(gzip, next);
	next->n_block = 0;
	next->n_dictionary = job->n_block < DICTIONARY_SIZE ? job->n_block : DICTIONARY_SIZE;
	memcpy(next->dictionary, job->block + job->n_block - next->n_dictionary,
	       next->n_dictionary);
}

void gzip_write(struct gzip *gzip, const void *data, size_t size)
{
	const unsigned char *at = data;

	while (size) {
		struct job *job = &gzip->jobs[gzip->at];
		size_t room = BLOCK_SIZE - job->n_block;
		size_t n = size < room ? size : room;

		memcpy(job->block + job->n_block, at, n);
		job->n_block += n;
		at += n;
		size -= n;
		if (job->n_block == BLOCK_SIZE)
			finish_block(gzip);
	}
}

static void write_word(struct gzip *gzip, uint32_t word)
{
	unsigned char bytes[4] = {(unsigned char)word, (unsigned char)(word >> 8),
				  (unsigned char)(word >> 16), (unsigned char)(word >> 24)};

	output_write(gzip->output, bytes, sizeof(bytes));
}

void gzip_finish(struct gzip *gzip)
{
	struct job *last = &gzip->jobs[gzip->at];

	last->is_last = true;
	submit(gzip, last);
	for (size_t i = 1; i <= N_JOBS; i++)
		collect(gzip, &gzip->jobs[(gzip->at + i) % N_JOBS]);
	write_word(gzip, (uint32_t)gzip->crc);
	write_word(gzip, gzip->n_bytes);
}
