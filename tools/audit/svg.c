/* SPDX-License-Identifier: MIT */

/*
 * The audit as a picture, with the address spaces side by side. Sizes in one address space differ by ten powers of two
 * and more, and most of it is empty. To a linear scale every mapping would be a line too thin to see. So the height
 * of a mapping is the logarithm of its size, and never less than its label. A gap between mappings has one height and
 * its size written in. A reader does want to compare how many bytes have which guarantee, so that is a bar to a
 * linear scale.
 *
 * The picture is one file for any browser: it needs no script and no special font.
 */

#include "tools/audit/views.h"
#include "tools/audit/words.h"

#include "tools/common/errors.h"
#include "include/sealmem.h"
#include "tools/common/text.h"
#include "tools/common/xml.h"
#include "lib/util.h"

#include <inttypes.h>
#include <string.h>

#define MARGIN	      16
#define COLUMN_WIDTH  720
#define LEGEND_HEIGHT 96
#define HEAD_HEIGHT   150
#define ROW_HEIGHT    15
#define LABEL_X	      112 /* the right end of addresses */
#define CELLS_X	      120
#define CELL_WIDTH    13
#define BOX_X	      (CELLS_X + GUARANTEE_COUNT * CELL_WIDTH + 6)
#define BOX_WIDTH     96
#define NAME_X	      (BOX_X + BOX_WIDTH + 8)
#define NAME_LENGTH   64

/* A kind without a row here is drawn in the colour of the gaps' labels. */
static const char *const colours[KIND_COUNT] = {
	[KIND_TEXT] = "#8cb4e0",     [KIND_RODATA] = "#cfe3f5", [KIND_RELRO] = "#a9dba0",
	[KIND_DATA] = "#f7b267",     [KIND_BSS] = "#fbd9ae",	[KIND_HEAP] = "#f09a9b",
	[KIND_STACK] = "#fbc9c7",    [KIND_ANON] = "#d5cfcc",	[KIND_SHARED] = "#e9a3bd",
	[KIND_SHM] = "#fadde7",	     [KIND_MEMFD] = "#cfa8e0",	[KIND_SECRET] = "#b18fd0",
	[KIND_FILE] = "#e8d3c6",     [KIND_VDSO] = "#8fd0cb",	[KIND_VVAR] = "#c5e8e4",
	[KIND_RESERVED] = "#f4f4f4",
};

static const char *colour_of(enum kind kind)
{
	return colours[kind] != NULL ? colours[kind] : "#adb5bd";
}

static const char in_force[] = "#2b8a3e", absent[] = "#e9ecef", doubtful[] = "#fab005";

struct drawing {
	FILE *out;
	double x, y;
	uint64_t end; /* of the mapping drawn last */
	bool begun;
};

static void xml_words_print(FILE *out, row_printer *print, const struct report_row *row)
{
	CLEANUP(free_text) char *text = row_format(print, row);

	xml_print(out, text);
}

/* Of 2; between its powers it is linear, which will do for a height and needs no library. */
static double logarithm(uint64_t number)
{
	int whole = 63 - __builtin_clzll(number | 1);

	return whole + (double)number / (double)(UINT64_C(1) << whole) - 1;
}

static double height_of(const struct report_row *row)
{
	uint64_t pages = report_row_size(row) / row->process->mappings.page;

	return ROW_HEIGHT + 3 * logarithm(pages > 0 ? pages : 1);
}

/* Empty address space before the row; 0 if there is none, or if the row has no address. */
static uint64_t gap_before(const struct drawing *drawing, const struct report_row *row)
{
	if (!drawing->begun || row->mapping == NULL || row->mapping->start <= drawing->end)
		return 0;
	return row->mapping->start - drawing->end;
}

static void step_over(struct drawing *drawing, const struct report_row *row)
{
	drawing->y += height_of(row);
	drawing->end = row->mapping != NULL ? row->mapping->end : drawing->end;
	drawing->begun = true;
}

static double height_of_process(const struct report_process *process)
{
	struct drawing drawing = { 0 };

	for (size_t i = 0; i < process->count; i++) {
		if (gap_before(&drawing, &process->rows[i]) > 0)
			drawing.y += ROW_HEIGHT;
		step_over(&drawing, &process->rows[i]);
	}
	return drawing.y;
}

static void draw_gap(struct drawing *drawing, uint64_t size)
{
	double middle = drawing->y + ROW_HEIGHT / 2.0;

	(void)fprintf(drawing->out,
		      "<path class=\"gap\" d=\"M%.0f %.1fH%d\"/><text class=\"gap\" x=\"%.0f\" "
		      "y=\"%.1f\">",
		      drawing->x + BOX_X, middle, (int)drawing->x + BOX_X + BOX_WIDTH,
		      drawing->x + NAME_X, middle + 3);
	size_print(drawing->out, size);
	(void)fputs(" unmapped</text>\n", drawing->out);
	drawing->y += ROW_HEIGHT;
}

static void draw_cell(FILE *out, double x, double y, char letter, const char *colour)
{
	(void)fprintf(out,
		      "<rect x=\"%.0f\" y=\"%.1f\" width=\"%d\" height=\"11\" fill=\"%s\"/>"
		      "<text class=\"cell\" x=\"%.1f\" y=\"%.1f\">%c</text>",
		      x, y, CELL_WIDTH - 2, colour, x + CELL_WIDTH / 2.0 - 1, y + 9, letter);
}

/* One letter for each guarantee; two of the names begin with the same one. */
static const char letters[] = "CASNDFG";

static void draw_cells(const struct drawing *drawing, const struct memory *memory)
{
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++) {
		unsigned bit = 1u << i;
		const char *colour = memory->guarantees & bit ? in_force
				     : memory->unknown & bit  ? doubtful
							      : absent;

		draw_cell(drawing->out, drawing->x + CELLS_X + i * CELL_WIDTH, drawing->y + 2,
			  colour == absent ? ' ' : letters[i], colour);
	}
}

static void draw_title(FILE *out, const struct report_row *row)
{
	static const struct {
		const char *label;
		row_printer *print;
	} lines[] = {
		{ "", row_name_print },
		{ "from ", row_address_print },
		{ "to ", row_end_print },
		{ "size ", row_size_print },
		{ "permissions ", row_permissions_print },
		{ "kind ", row_kind_print },
		{ "seals ", row_seals_print },
		{ "guarantees ", row_guarantees_print },
		{ "flags ", row_flags_print },
		{ "held by ", row_holders_print },
	};

	(void)fputs("<title>", out);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		CLEANUP(free_text) char *text = row_format(lines[i].print, row);

		if (*text == '\0')
			continue;
		(void)fputs(lines[i].label, out);
		xml_print(out, text);
		(void)fputc('\n', out);
	}
	(void)fputs("</title>", out);
}

/* Cuts no character in half. */
static size_t fitting_length(const char *text)
{
	size_t length = strlen(text), whole = length;

	while (length > NAME_LENGTH ||
	       (length > 0 && length < whole && ((unsigned char)text[length] & 0xc0) == 0x80))
		length--;
	return length;
}

static void draw_alarms(FILE *out, const struct report_row *row)
{
	(void)fputs(" <tspan class=\"flags\">", out);
	xml_words_print(out, row_flags_print, row);
	(void)fputs(" ", out);
	xml_words_print(out, row_broken_rules_print, row);
	(void)fputs("</tspan>", out);
}

/* The last part of the path, by which people know a file. */
static void draw_name(const struct drawing *drawing, const struct report_row *row)
{
	CLEANUP(free_text) char *name = row_format(row_name_print, row);
	const char *slash = strrchr(name, '/');
	const char *shown = slash != NULL && slash[1] != '\0' ? slash + 1 : name;
	size_t length = fitting_length(shown);
	CLEANUP(free_text) char *part = need(strndup(shown, length));

	(void)fprintf(drawing->out, "<text x=\"%.0f\" y=\"%.1f\">", drawing->x + NAME_X,
		      drawing->y + 11);
	xml_print(drawing->out, part);
	(void)fputs(length < strlen(shown) ? "..." : "", drawing->out);
	draw_alarms(drawing->out, row);
	(void)fputs("</text>", drawing->out);
}

static void draw_box(const struct drawing *drawing, const struct report_row *row)
{
	(void)fprintf(drawing->out,
		      "<rect class=\"%s\" x=\"%.0f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" "
		      "fill=\"%s\"/>",
		      row->memory->flags != 0 || row->broken ? "flagged" : "mapping",
		      drawing->x + BOX_X, drawing->y + 1, BOX_WIDTH, height_of(row) - 2,
		      colour_of(row->memory->kind));
}

static void draw_labels(const struct drawing *drawing, const struct report_row *row)
{
	(void)fprintf(drawing->out, "<text class=\"address\" x=\"%.0f\" y=\"%.1f\">",
		      drawing->x + LABEL_X, drawing->y + 11);
	row_address_print(drawing->out, row);
	(void)fprintf(drawing->out, "</text><text class=\"inside\" x=\"%.0f\" y=\"%.1f\">",
		      drawing->x + BOX_X + 4, drawing->y + 11);
	row_permissions_print(drawing->out, row);
	(void)fputc(' ', drawing->out);
	row_size_print(drawing->out, row);
	(void)fputs("</text>", drawing->out);
}

static void draw_row(struct drawing *drawing, const struct report_row *row)
{
	uint64_t gap = gap_before(drawing, row);

	if (gap > 0)
		draw_gap(drawing, gap);
	(void)fputs("<g>", drawing->out);
	draw_title(drawing->out, row);
	draw_box(drawing, row);
	draw_labels(drawing, row);
	draw_cells(drawing, row->memory);
	draw_name(drawing, row);
	(void)fputs("</g>\n", drawing->out);
	step_over(drawing, row);
}

/* To a linear scale: all bytes are as wide as the frame. */
static void draw_bar(const struct drawing *drawing, unsigned index, const char *name,
		     const char *colour, uint64_t bytes, uint64_t all)
{
	double width = COLUMN_WIDTH - NAME_X - 2 * MARGIN, y = drawing->y + index * 14;
	double part = all > 0 ? width * (double)bytes / (double)all : 0;

	(void)fprintf(drawing->out,
		      "<text x=\"%.0f\" y=\"%.1f\">%s</text><text class=\"address\" x=\"%d\" "
		      "y=\"%.1f\">",
		      drawing->x, y + 10, name, (int)drawing->x + BOX_X + 20, y + 10);
	size_print(drawing->out, bytes);
	(void)fprintf(drawing->out,
		      "</text><rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"10\" fill=\"%s\"/>"
		      "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"10\" fill=\"%s\"/>\n",
		      (int)drawing->x + BOX_X + 28, y + 1, width, absent,
		      (int)drawing->x + BOX_X + 28, y + 1, bytes > 0 && part < 1 ? 1 : part,
		      colour);
}

static void draw_process_name(const struct drawing *drawing, const struct process *process)
{
	CLEANUP(free_text) char *name = escaped_format(process->name);

	(void)fprintf(drawing->out, "<text class=\"head\" x=\"%.0f\" y=\"%.1f\">%d ", drawing->x,
		      drawing->y + 14, (int)process->pid);
	xml_print(drawing->out, name);
	(void)fputs("</text>", drawing->out);
}

static void draw_head(struct drawing *drawing, const struct report_process *process)
{
	const struct totals *totals = &process->totals;

	draw_process_name(drawing, process->process);
	(void)fprintf(drawing->out, "<text x=\"%d\" y=\"%.1f\">%zu mappings, ",
		      (int)drawing->x + NAME_X, drawing->y + 14, totals->mappings);
	size_print(drawing->out, totals->bytes);
	(void)fputs("</text>\n", drawing->out);
	drawing->y += 22;
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++)
		draw_bar(drawing, i, sealmem_guarantee_name(1u << i), in_force,
			 totals->guaranteed[i], totals->bytes);
	draw_bar(drawing, GUARANTEE_COUNT, "none of them", "#868e96", totals->unguaranteed,
		 totals->bytes);
	drawing->y += HEAD_HEIGHT - 22;
}

static void draw_legend(FILE *out, double width)
{
	double x = MARGIN, y = MARGIN;

	for (size_t i = 0; i < KIND_COUNT; i++, x += 84) {
		if (x + 84 > width) {
			x = MARGIN;
			y += 16;
		}
		(void)fprintf(out,
			      "<g><title>%s</title><rect class=\"mapping\" x=\"%.0f\" y=\"%.0f\" "
			      "width=\"12\" height=\"12\" fill=\"%s\"/><text x=\"%.0f\" "
			      "y=\"%.0f\">%s</text></g>\n",
			      kind_rows[i].meaning, x, y, colour_of((enum kind)i), x + 16, y + 10,
			      kind_rows[i].name);
	}
	x = MARGIN;
	y += 22;
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++, x += 84) {
		draw_cell(out, x, y, letters[i], in_force);
		(void)fprintf(out, "<text x=\"%.0f\" y=\"%.0f\">%s</text>\n", x + 16, y + 9,
			      sealmem_guarantee_name(1u << i));
	}
	y += 18;
	draw_cell(out, MARGIN, y, '?', doubtful);
	(void)fprintf(
		out,
		"<text x=\"%d\" y=\"%.0f\">unknown</text>"
		"<rect class=\"flagged\" x=\"%d\" y=\"%.0f\" width=\"12\" height=\"11\" "
		"fill=\"#fff\"/><text x=\"%d\" y=\"%.0f\">has a flag; the height is the logarithm "
		"of the size; the bars are to scale</text>\n",
		MARGIN + 16, y + 9, MARGIN + 126, y, MARGIN + 142, y + 9);
}

static const char style[] =
	"<style>text{font:10px sans-serif;fill:#212529}text.address{font-family:monospace;"
	"text-anchor:end}text.inside{font-family:monospace;font-size:9px}"
	"text.cell{font-size:9px;font-weight:bold;fill:#fff;text-anchor:middle}"
	"text.head{font-size:14px;font-weight:bold}text.gap{fill:#adb5bd;font-size:9px}"
	"tspan.flags{fill:#c92a2a;font-weight:bold}path.gap{stroke:#ced4da;stroke-dasharray:3 3}"
	"rect.mapping{stroke:#868e96;stroke-width:.5}"
	"rect.flagged{stroke:#c92a2a;stroke-width:2}</style>\n";

static double height_of_all(const struct report *report)
{
	double height = 0;

	for (size_t i = 0; i < report->audit->count; i++) {
		double one = height_of_process(&report->processes[i]);

		height = one > height ? one : height;
	}
	return LEGEND_HEIGHT + HEAD_HEIGHT + height + 2 * MARGIN;
}

static void draw_process(FILE *out, const struct report_process *process, size_t index)
{
	struct drawing drawing = {
		.out = out,
		.x = MARGIN + COLUMN_WIDTH * (double)index,
		.y = LEGEND_HEIGHT + MARGIN,
	};

	draw_head(&drawing, process);
	for (size_t i = 0; i < process->count; i++)
		draw_row(&drawing, &process->rows[i]);
}

static void draw_all(const struct report *report, FILE *out)
{
	size_t columns = report->audit->count > 0 ? report->audit->count : 1;
	double width = 2.0 * MARGIN + COLUMN_WIDTH * (double)columns;
	double height = height_of_all(report);

	(void)fprintf(out,
		      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		      "viewBox=\"0 0 %.0f %.0f\">\n%s<rect width=\"100%%\" height=\"100%%\" "
		      "fill=\"#fff\"/>\n",
		      width, height, width, height, style);
	draw_legend(out, width);
	for (size_t i = 0; i < report->audit->count; i++)
		draw_process(out, &report->processes[i], i);
	(void)fputs("</svg>\n", out);
}

void audit_svg_print(const struct report *report, const struct view_options *options)
{
	(void)options;
	draw_all(report, stdout);
}

int audit_svg_draw(const struct report *report, const char *path)
{
	FILE *out = fopen(path, "we");
	bool failed;

	if (out == NULL)
		return -errno;
	draw_all(report, out);
	errno = 0;
	failed = ferror(out) != 0;
	if (fclose(out) != 0 || failed)
		return errno != 0 ? -errno : -EIO;
	return 0;
}
