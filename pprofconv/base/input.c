/* SPDX-License-Identifier: MIT */
/* Bytes pass through two buffers: `raw` holds bytes of the file, `text` holds unpacked bytes. If a
 * file is not packed, only its first piece, by which this is recognized, passes through `raw`; the
 * rest is read straight into `text`. In a large conversion this saves one copy of 47 MB, a
 * hundredth of the time. Lines are returned as pointers into `text`. */
#include "base/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define RAW_SIZE   (128u << 10)
#define MAGIC_SIZE 4
#define TEXT_SIZE  (256u << 10) /* initially; grows for a longer line */

struct input {
	struct diag *diag;
	int fd; /* -1: `raw` held everything from the start */
	int status;

	unsigned char *raw_buffer; /* NULL if the bytes are the caller's */
	const unsigned char *raw;
	size_t n_raw;
	bool raw_ended;

	bool is_gzip;
	bool in_member;  /* between the beginning and the end of a gzip member or a zstd frame */
	bool in_padding; /* after the last member */
	z_stream zlib;
	ZSTD_DStream *zstd; /* NULL if it is not packed by zstd */

	char *text;
	size_t text_size;
	size_t at; /* the bytes before it have been taken */
	size_t n_text;
	bool text_ended;

	uint64_t n_bytes;
	uint64_t max_bytes;
	uint64_t line_number;
	bool line_is_cut;

	void (*report)(void *context, uint64_t n_bytes);
	void *report_context;
};

/* --- opening ------------------------------------------------------------------------------- */

static struct input *input_new(uint64_t max_bytes, struct diag *diag)
{
	struct input *input = calloc(1, sizeof(*input));

	if (!input)
		return NULL;
	input->fd = -1;
	input->diag = diag;
	input->max_bytes = max_bytes ? max_bytes : UINT64_MAX;
	input->text_size = TEXT_SIZE;
	input->text = malloc(TEXT_SIZE);
	if (!input->text) {
		free(input);
		return NULL;
	}
	return input;
}

static int fail_input(struct input *input, int code)
{
	if (!input->status)
		input->status = code < 0 ? diag_errno(input->diag, code) : code;
	return input->status;
}

/* Reads the next piece of the file into `to`; sets raw_ended if there is none. */
static int read_piece(struct input *input, void *to, size_t size, size_t *out_n)
{
	ssize_t n;

	do
		n = read(input->fd, to, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail_input(input, -errno);
	*out_n = (size_t)n;
	input->raw_ended = n == 0;
	return 0;
}

static int fill_raw(struct input *input)
{
	if (input->n_raw || input->raw_ended)
		return 0;
	input->raw = input->raw_buffer;
	return read_piece(input, input->raw_buffer, RAW_SIZE, &input->n_raw);
}

static int begin_zstd(struct input *input)
{
	input->zstd = ZSTD_createDStream();
	if (!input->zstd)
		return fail_input(input, -ENOMEM);
	return 0;
}

/* Recognizes gzip and zstd data by their first bytes. A pipe may give a first piece of fewer bytes
 * than that: then the next pieces are appended to it. */
static int detect_packing(struct input *input)
{
	int r = fill_raw(input);

	while (!r && input->n_raw > 0 && input->n_raw < MAGIC_SIZE && !input->raw_ended) {
		ssize_t n =
			read(input->fd, input->raw_buffer + input->n_raw, RAW_SIZE - input->n_raw);

		if (n < 0 && errno != EINTR)
			return fail_input(input, -errno);
		input->raw_ended = n == 0;
		input->n_raw += n > 0 ? (size_t)n : 0;
	}
	if (!r && input->n_raw >= MAGIC_SIZE && memcmp(input->raw, "\x28\xb5\x2f\xfd", 4) == 0)
		return begin_zstd(input);
	if (r || input->n_raw < 2 || input->raw[0] != 0x1f || input->raw[1] != 0x8b)
		return r;
	if (inflateInit2(&input->zlib, 15 + 16 /* gzip, largest window */) != Z_OK)
		return fail_input(input, -ENOMEM);
	input->is_gzip = true;
	return 0;
}

int input_open(struct input **out_input, const char *path, uint64_t max_bytes, struct diag *diag)
{
	_cleanup_(input_freep) struct input *input = input_new(max_bytes, diag);
	bool is_stdin = strcmp(path, "-") == 0;
	int r;

	diag->file = is_stdin ? "standard input" : path;
	if (!input)
		return diag_errno(diag, -ENOMEM);
	input->fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			     : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (input->fd < 0)
		return diag_errno(diag, -errno);
	input->raw_buffer = malloc(RAW_SIZE);
	if (!input->raw_buffer)
		return diag_errno(diag, -ENOMEM);
	r = detect_packing(input);
	if (r)
		return r;
	*out_input = input;
	input = NULL;
	return 0;
}

int input_open_memory(struct input **out_input, const char *name, const void *data, size_t size,
		      uint64_t max_bytes, struct diag *diag)
{
	struct input *input = input_new(max_bytes, diag);
	int r;

	diag->file = name;
	if (!input)
		return diag_errno(diag, -ENOMEM);
	input->raw = data;
	input->n_raw = size;
	input->raw_ended = true;
	r = detect_packing(input);
	if (r) {
		input_free(input);
		return r;
	}
	*out_input = input;
	return 0;
}

void input_free(struct input *input)
{
	if (!input)
		return;
	if (input->is_gzip)
		inflateEnd(&input->zlib);
	ZSTD_freeDStream(input->zstd);
	if (input->fd >= 0)
		close(input->fd);
	free(input->raw_buffer);
	free(input->text);
	free(input);
}

void input_on_progress(struct input *input, void (*report)(void *context, uint64_t n_bytes),
		       void *context)
{
	input->report = report;
	input->report_context = context;
}

/* --- from raw to text ---------------------------------------------------------------------- */

static void take_raw(struct input *input, size_t n)
{
	input->raw += n;
	input->n_raw -= n;
}

/* Copies data that is not packed: the rest of the first piece, then straight from the file. */
static int copy_raw(struct input *input, char *to, size_t size, size_t *out_n)
{
	size_t n = input->n_raw < size ? input->n_raw : size;

	if (!n && !input->raw_ended)
		return read_piece(input, to, size, out_n);
	if (n)
		memcpy(to, input->raw, n);
	take_raw(input, n);
	*out_n = n;
	return 0;
}

static int corrupt_packed(struct input *input, const char *what)
{
	return fail_input(input, diag_error(input->diag, INPUT_E_CORRUPT, "%s", what));
}

static void skip_padding(struct input *input)
{
	while (input->n_raw && input->raw[0] == 0) {
		input->in_padding = true;
		take_raw(input, 1);
	}
}

/* Begins the next member of gzip data. Members may follow each other, and zeroes may follow the
 * last member, as on tapes. Anything else is an error: the file was damaged, or something was
 * appended that would be skipped unnoticed. */
static int begin_member(struct input *input)
{
	skip_padding(input);
	if (!input->n_raw)
		return 0;
	if (input->in_padding || input->raw[0] != 0x1f)
		return corrupt_packed(
			input, "unexpected bytes after the gzip data; the file is damaged, or "
			       "something was appended to it");
	input->in_member = true;
	return inflateReset(&input->zlib) == Z_OK
		       ? 0
		       : corrupt_packed(input, "the gzip data is damaged");
}

/* Unpacks into `to` and sets *out_n to the number of bytes, which may be 0 before the end of the
 * input. */
static int inflate_raw(struct input *input, char *to, size_t size, size_t *out_n)
{
	z_stream *zlib = &input->zlib;
	size_t n_raw;
	int r;

	*out_n = 0;
	if (size > UINT32_MAX) /* zlib counts in 32 bits */
		size = UINT32_MAX;
	if (fill_raw(input))
		return input->status;
	r = input->in_member ? 0 : begin_member(input);
	if (r || !input->in_member)
		return r;
	n_raw = input->n_raw;
	if (!n_raw)
		return corrupt_packed(input, "the gzip data is truncated");
	zlib->next_in = (unsigned char *)input->raw;
	zlib->avail_in = n_raw > UINT32_MAX ? UINT32_MAX : (uInt)n_raw;
	zlib->next_out = (unsigned char *)to;
	zlib->avail_out = (uInt)size;
	n_raw = zlib->avail_in;
	r = inflate(zlib, Z_NO_FLUSH);
	take_raw(input, n_raw - zlib->avail_in);
	*out_n = size - zlib->avail_out;
	if (r == Z_STREAM_END)
		input->in_member = false;
	else if (r == Z_MEM_ERROR)
		return fail_input(input, -ENOMEM);
	else if (r != Z_OK && r != Z_BUF_ERROR)
		return corrupt_packed(input, "the gzip data is damaged");
	return 0;
}

/* Does what inflate_raw() does, for zstd data, which may have several frames. */
static int unzstd_raw(struct input *input, char *to, size_t size, size_t *out_n)
{
	ZSTD_outBuffer out = {to, size, 0};
	ZSTD_inBuffer in;
	size_t r;

	*out_n = 0;
	if (fill_raw(input))
		return input->status;
	if (!input->n_raw)
		return input->in_member ? corrupt_packed(input, "the zstd data is truncated") : 0;
	in = (ZSTD_inBuffer){input->raw, input->n_raw, 0};
	r = ZSTD_decompressStream(input->zstd, &out, &in);
	if (ZSTD_isError(r))
		return corrupt_packed(input, "the zstd data is damaged");
	take_raw(input, in.pos);
	*out_n = out.pos;
	input->in_member = r != 0;
	return 0;
}

static int unpack(struct input *input, char *to, size_t size, size_t *out_n)
{
	if (input->zstd)
		return unzstd_raw(input, to, size, out_n);
	return input->is_gzip ? inflate_raw(input, to, size, out_n)
			      : copy_raw(input, to, size, out_n);
}

static int make_room(struct input *input, size_t max_size)
{
	size_t size = input->text_size;
	char *grown;

	if (input->at) {
		memmove(input->text, input->text + input->at, input->n_text - input->at);
		input->n_text -= input->at;
		input->at = 0;
	}
	if (input->n_text < size)
		return 0;
	if (size >= max_size || __builtin_mul_overflow(size, 2, &size))
		return fail_input(
			input, diag_error_line(input->diag, INPUT_E_LIMIT, input->line_number + 1,
					       "the line is longer than %zu bytes", max_size));
	grown = realloc(input->text, size);
	if (!grown)
		return fail_input(input, -ENOMEM);
	input->text = grown;
	input->text_size = size;
	return 0;
}

/* Reads more text; sets text_ended if there is none. The buffer holds at most `max_size` bytes. */
static int fill_text(struct input *input, size_t max_size)
{
	size_t n = 0;
	int r = input->status ? input->status : make_room(input, max_size);

	while (!r && !n && !input->text_ended) {
		char *to = input->text + input->n_text;
		size_t size = input->text_size - input->n_text;

		r = unpack(input, to, size, &n);
		input->text_ended = !n && !input->n_raw && input->raw_ended && !input->in_member;
	}
	input->n_text += n;
	input->n_bytes += n;
	if (input->report)
		input->report(input->report_context, input->n_bytes);
	if (!r && input->n_bytes > input->max_bytes)
		r = fail_input(input, diag_error(input->diag, INPUT_E_LIMIT,
						 "more than %ju bytes of input; raise the limit "
						 "with --max-input-bytes",
						 (uintmax_t)input->max_bytes));
	return r;
}

/* --- taking -------------------------------------------------------------------------------- */

struct cursor input_head(struct input *input, size_t size)
{
	while (input->n_text < size && !input->text_ended)
		if (fill_text(input, INPUT_LINE_MAX))
			return cursor_make("", 0);
	return cursor_make(input->text, input->n_text < size ? input->n_text : size);
}

bool input_next_line(struct input *input, struct cursor *out_line)
{
	size_t searched = 0;
	const char *end = NULL;

	while (!input->status) {
		const char *line = input->text + input->at;
		size_t n = input->n_text - input->at;

		end = memchr(line + searched, '\n', n - searched);
		if (end || (input->text_ended && n)) {
			input->line_is_cut = !end;
			*out_line = cursor_make(line, end ? (size_t)(end - line) : n);
			input->at += cursor_left(out_line) + (end != NULL);
			input->line_number++;
			return true;
		}
		if (input->text_ended)
			return false;
		searched = n;
		fill_text(input, INPUT_LINE_MAX);
	}
	return false;
}

uint64_t input_line_number(const struct input *input)
{
	return input->line_number;
}

bool input_line_is_cut(const struct input *input)
{
	return input->line_is_cut;
}

int input_take_rest(struct input *input, struct cursor *out_rest)
{
	while (!input->text_ended && !fill_text(input, SIZE_MAX))
		;
	if (!input->status) {
		*out_rest = cursor_make(input->text + input->at, input->n_text - input->at);
		input->at = input->n_text;
	}
	return input->status;
}

int input_take_some(struct input *input, struct cursor *out_some)
{
	if (input->at == input->n_text && !input->text_ended)
		fill_text(input, SIZE_MAX);
	*out_some =
		cursor_make(input->text + input->at, input->status ? 0 : input->n_text - input->at);
	input->at = input->n_text;
	return input->status;
}

int input_file(const struct input *input)
{
	struct stat status;

	if (input->fd < 0 || input->is_gzip || input->zstd || fstat(input->fd, &status) != 0 ||
	    !S_ISREG(status.st_mode))
		return -1;
	return fcntl(input->fd, F_DUPFD_CLOEXEC, 3);
}

int input_status(const struct input *input)
{
	return input->status;
}

uint64_t input_bytes(const struct input *input)
{
	return input->n_bytes;
}
