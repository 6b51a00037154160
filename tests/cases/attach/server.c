/* SPDX-License-Identifier: MIT */
/* A shop's server. Its carts are in memory alone, so it is not restarted while the shop is open. Two
 * threads answer requests; the requests are made here, so that the case needs no client. The file
 * `status` says how many carts are open. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	CARTS = 2000,
	PAGES = 1000,
	PAUSE_NS = 200000, /* between two requests */
};

static char *carts[CARTS];
static char *pages[PAGES];
static atomic_int n_open;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct header {
	struct header *next;
	char text[208];
};

/* Parses the headers of a request into a list. */
static struct header *parse_headers(int request)
{
	struct header *list = NULL;

	for (int i = 0; i < 5; i++) {
		struct header *header = malloc(sizeof(*header));

		header->next = list;
		snprintf(header->text, sizeof(header->text), "X-%d: %d", i, request);
		list = header;
	}
	return list;
}

static void free_headers(struct header *list)
{
	while (list) {
		struct header *next = list->next;

		free(list);
		list = next;
	}
}

/* A page is read once and kept. */
static const char *get_page(int number)
{
	if (!pages[number]) {
		pages[number] = malloc(2000);
		memset(pages[number], 'p', 2000);
	}
	return pages[number];
}

static void put_into_cart(int number)
{
	if (!carts[number]) {
		carts[number] = malloc(500);
		n_open++;
	}
	snprintf(carts[number], 500, "cart %d", number);
}

/* Refuses the coupons that have expired. */
static int check_coupon(int request)
{
	struct header *headers = parse_headers(request);

	if (request % 7 == 0)
		return -1; /* the headers are not freed: the defect */
	free_headers(headers);
	return 0;
}

static void answer(int request)
{
	struct header *headers = parse_headers(request);

	pthread_mutex_lock(&lock);
	get_page(request % PAGES);
	put_into_cart(request % CARTS);
	pthread_mutex_unlock(&lock);
	if (request % 20 == 0)
		check_coupon(request / 20);
	free_headers(headers);
}

static void *serve(void *first)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	for (int request = *(int *)first;; request += 2) {
		answer(request);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void write_status(void)
{
	FILE *status = fopen("status.new", "w");

	if (!status)
		return;
	fprintf(status, "%d carts are open\n", (int)n_open);
	fclose(status);
	rename("status.new", "status");
}

int main(void)
{
	static int first[] = {0, 1};
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, serve, &first[i]);
	for (;;) {
		write_status();
		usleep(100000);
	}
}
