/* SPDX-License-Identifier: MIT */

/*
 * The audit as a picture, an address space beside the other. Sizes in one address space differ by ten
 * powers of two and more, and most of it is empty; drawn to a plain scale all would be lines
 * too thin to see. So a mapping is as high as the logarithm of its size, and never lower than its label;
 * what lies between mappings is a gap of one height with its size written in; and how many bytes have which
 * guarantee, which one does want to compare, is a bar to a plain scale.
 *
 * No script and no font that must be there: one file, for any browser.
 */

#include "tools/audit/views.h"

#include "tools/common/errors.h"
#include "sealmem.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <inttypes.h>
#include <math.h>
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

static const char in_force[] = "#2b8a3e", absent[] = "#e9ecef", doubtful[] = "#fab005";

struct drawing {
	FILE *out;
	double x, y;
	uint64_t end; /* of the mapping drawn last */
	bool begun;
};

static void put_xml(FILE *out, const char *text)
{
	static const char *const entities[128] = {
		['&'] = "&amp;",
		['<'] = "&lt;",
		['>'] = "&gt;",
		['"'] = "&quot;",
	};

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 128 && entities[c] != NULL)
			(void)fputs(entities[c], out);
		else
			(void)fputc(c, out);
	}
}

static void put_xml_words(FILE *out, put_words *put, const struct view *view)
{
	CLEANUP(free_text) char *text = text_of(put, view);

	put_xml(out, text);
}

static double height_of(const struct process *process, const struct mapping *row)
{
	uint64_t pages = (row->end - row->start) / process->mappings.page;

	return ROW_HEIGHT + 3 * log2(pages > 0 ? (double)pages : 1);
}

static void measure_row(const struct view *view, void *argument)
{
	struct drawing *drawing = argument;

	if (drawing->begun && view->row->descriptor < 0 && view->row->start > drawing->end)
		drawing->y += ROW_HEIGHT;
	drawing->y += height_of(view->process, view->row);
	drawing->end = view->row->end;
	drawing->begun = true;
}

static void draw_gap(struct drawing *drawing, uint64_t size)
{
	double middle = drawing->y + ROW_HEIGHT / 2.0;

	(void)fprintf(drawing->out,
		      "<path class=\"gap\" d=\"M%.0f %.1fH%d\"/><text class=\"gap\" x=\"%.0f\" "
		      "y=\"%.1f\">",
		      drawing->x + BOX_X, middle, (int)drawing->x + BOX_X + BOX_WIDTH,
		      drawing->x + NAME_X, middle + 3);
	put_size(drawing->out, size);
	(void)fputs(" of nothing</text>\n", drawing->out);
	drawing->y += ROW_HEIGHT;
}

static void draw_cell(FILE *out, double x, double y, char letter, const char *colour)
{
	(void)fprintf(out,
		      "<rect x=\"%.0f\" y=\"%.1f\" width=\"%d\" height=\"11\" fill=\"%s\"/>"
		      "<text class=\"cell\" x=\"%.1f\" y=\"%.1f\">%c</text>",
		      x, y, CELL_WIDTH - 2, colour, x + CELL_WIDTH / 2.0 - 1, y + 9, letter);
}

/* Two of the names begin with the same letter. */
static const char letters[] = "CASNDFG";

static void draw_cells(const struct drawing *drawing, const struct mapping *row)
{
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++) {
		unsigned bit = 1u << i;
		const char *colour = row->guarantees & bit ? in_force
				     : row->unknown & bit  ? doubtful
							   : absent;

		draw_cell(drawing->out, drawing->x + CELLS_X + i * CELL_WIDTH, drawing->y + 2,
			  colour == absent ? ' ' : letters[i], colour);
	}
}

static void draw_title(FILE *out, const struct view *view)
{
	static const struct {
		const char *label;
		put_words *put;
	} lines[] = {
		{ "", put_name },
		{ "from ", put_address },
		{ "to ", put_end },
		{ "size ", put_row_size },
		{ "permissions ", put_permissions },
		{ "kind ", put_kind },
		{ "seals ", put_seals },
		{ "guarantees ", put_guarantees },
		{ "flags ", put_flags },
		{ "held by ", put_holders },
	};

	(void)fputs("<title>", out);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		CLEANUP(free_text) char *text = text_of(lines[i].put, view);

		if (*text == '\0')
			continue;
		(void)fputs(lines[i].label, out);
		put_xml(out, text);
		(void)fputc('\n', out);
	}
	(void)fputs("</title>", out);
}

/* Not up to the middle of a character. */
static size_t fitting_length(const char *text)
{
	size_t length = strlen(text), whole = length;

	while (length > NAME_LENGTH ||
	       (length > 0 && length < whole && ((unsigned char)text[length] & 0xc0) == 0x80))
		length--;
	return length;
}

static void draw_alarms(FILE *out, const struct view *view)
{
	(void)fputs(" <tspan class=\"flags\">", out);
	put_xml_words(out, put_flags, view);
	(void)fputs(" ", out);
	put_xml_words(out, put_broken_rules, view);
	(void)fputs("</tspan>", out);
}

/* The last part of the path, which is what one knows it by. */
static void draw_name(const struct drawing *drawing, const struct view *view)
{
	CLEANUP(free_text) char *name = text_of(put_name, view);
	const char *slash = strrchr(name, '/');
	const char *shown = slash != NULL && slash[1] != '\0' ? slash + 1 : name;
	size_t length = fitting_length(shown);
	CLEANUP(free_text) char *part = need(strndup(shown, length));

	(void)fprintf(drawing->out, "<text x=\"%.0f\" y=\"%.1f\">", drawing->x + NAME_X,
		      drawing->y + 11);
	put_xml(drawing->out, part);
	(void)fputs(length < strlen(shown) ? "..." : "", drawing->out);
	draw_alarms(drawing->out, view);
	(void)fputs("</text>", drawing->out);
}

static void draw_row(const struct view *view, void *argument)
{
	struct drawing *drawing = argument;
	const struct mapping *row = view->row;
	double height = height_of(view->process, row);

	if (drawing->begun && row->descriptor < 0 && row->start > drawing->end)
		draw_gap(drawing, row->start - drawing->end);
	(void)fputs("<g>", drawing->out);
	draw_title(drawing->out, view);
	(void)fprintf(drawing->out,
		      "<rect class=\"%s\" x=\"%.0f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" "
		      "fill=\"%s\"/>",
		      row->flags != 0 || breaks_a_rule(view) ? "flagged" : "mapping",
		      drawing->x + BOX_X, drawing->y + 1, BOX_WIDTH, height - 2,
		      kind_rows[row->kind].colour);
	(void)fprintf(drawing->out, "<text class=\"address\" x=\"%.0f\" y=\"%.1f\">",
		      drawing->x + LABEL_X, drawing->y + 11);
	put_address(drawing->out, view);
	(void)fprintf(drawing->out, "</text><text class=\"inside\" x=\"%.0f\" y=\"%.1f\">",
		      drawing->x + BOX_X + 4, drawing->y + 11);
	put_permissions(drawing->out, view);
	(void)fputc(' ', drawing->out);
	put_row_size(drawing->out, view);
	(void)fputs("</text>", drawing->out);
	draw_cells(drawing, row);
	draw_name(drawing, view);
	(void)fputs("</g>\n", drawing->out);
	drawing->y += height;
	drawing->end = row->end;
	drawing->begun = true;
}

/* To a plain scale: all bytes are as wide as the frame. */
static void draw_bar(const struct drawing *drawing, unsigned index, const char *name,
		     const char *colour, uint64_t bytes, uint64_t all)
{
	double width = COLUMN_WIDTH - NAME_X - 2 * MARGIN, y = drawing->y + index * 14;
	double part = all > 0 ? width * (double)bytes / (double)all : 0;

	(void)fprintf(drawing->out,
		      "<text x=\"%.0f\" y=\"%.1f\">%s</text><text class=\"address\" x=\"%d\" "
		      "y=\"%.1f\">",
		      drawing->x, y + 10, name, (int)drawing->x + BOX_X + 20, y + 10);
	put_size(drawing->out, bytes);
	(void)fprintf(drawing->out,
		      "</text><rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"10\" fill=\"%s\"/>"
		      "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"10\" fill=\"%s\"/>\n",
		      (int)drawing->x + BOX_X + 28, y + 1, width, absent,
		      (int)drawing->x + BOX_X + 28, y + 1, bytes > 0 && part < 1 ? 1 : part,
		      colour);
}

static void draw_head(struct drawing *drawing, const struct process *process)
{
	const struct view view = { .process = process };
	struct audit_totals totals = { 0 };

	audit_total(process, &totals);
	(void)fprintf(drawing->out, "<text class=\"head\" x=\"%.0f\" y=\"%.1f\">%d ", drawing->x,
		      drawing->y + 14, (int)process->pid);
	put_xml_words(drawing->out, put_process, &view);
	(void)fprintf(drawing->out, "</text><text x=\"%d\" y=\"%.1f\">%zu mappings, ",
		      (int)drawing->x + NAME_X, drawing->y + 14, totals.mappings);
	put_size(drawing->out, totals.bytes);
	(void)fputs("</text>\n", drawing->out);
	drawing->y += 22;
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++)
		draw_bar(drawing, i, sealmem_guarantee_name(1u << i), in_force,
			 totals.guaranteed[i], totals.bytes);
	draw_bar(drawing, GUARANTEE_COUNT, "none of them", "#868e96", totals.unguaranteed,
		 totals.bytes);
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
			      kind_rows[i].meaning, x, y, kind_rows[i].colour, x + 16, y + 10,
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
	(void)fprintf(out,
		      "<text x=\"%d\" y=\"%.0f\">cannot be told</text>"
		      "<rect class=\"flagged\" x=\"%d\" y=\"%.0f\" width=\"12\" height=\"11\" "
		      "fill=\"#fff\"/><text x=\"%d\" y=\"%.0f\">deserves a look; height: the "
		      "logarithm of the size; bars: to scale</text>\n",
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

static double height_of_all(const struct audit_report *report)
{
	double height = 0;

	for (size_t i = 0; i < report->audit->count; i++) {
		struct drawing drawing = { 0 };

		audit_report_each(report, &report->audit->processes[i], measure_row, &drawing);
		height = drawing.y > height ? drawing.y : height;
	}
	return LEGEND_HEIGHT + HEAD_HEIGHT + height + 2 * MARGIN;
}

static void draw_all(const struct audit_report *report, FILE *out)
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
	for (size_t i = 0; i < report->audit->count; i++) {
		struct drawing drawing = {
			.out = out,
			.x = MARGIN + COLUMN_WIDTH * (double)i,
			.y = LEGEND_HEIGHT + MARGIN,
		};

		draw_head(&drawing, &report->audit->processes[i]);
		audit_report_each(report, &report->audit->processes[i], draw_row, &drawing);
	}
	(void)fputs("</svg>\n", out);
}

int audit_report_draw(const struct audit_report *report, const char *path)
{
	struct audit_report everything = *report;
	FILE *out = fopen(path, "we");
	bool failed;

	if (out == NULL)
		return -errno;
	everything.everything = true;
	draw_all(&everything, out);
	errno = 0;
	failed = ferror(out) != 0;
	if (fclose(out) != 0 || failed)
		return errno != 0 ? -errno : -EIO;
	return 0;
}
