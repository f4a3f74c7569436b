#include "protocol/week_hours.h"

#include <assert.h>
#include <string.h>

enum {
    DAY_MINUTES = 1440,
    WEEK_MINUTES = 7 * DAY_MINUTES,
    OFFSET_MINUTES_MAX = 840,
    HOUR_S = 3600,
    WEEK_S = 7 * 24 * HOUR_S,
    EPOCH_HOUR = 3 * 24 /* 1970-01-01 was a Thursday */
};

static const char *const day_names[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* Every minute of a week in UTC: what an hour is wholly made of. */
struct minutes {
    uint8_t is_in[WEEK_MINUTES];
};

/* One item: on each of `days` days from `first_day`, from one minute of the day to another. */
struct window {
    unsigned first_day;
    unsigned days;
    unsigned from;
    unsigned to; /* above `from`; over DAY_MINUTES when it ends the next day */
};

bool
week_hours_has(const uint8_t hours[WEEK_HOURS_BYTES], unsigned hour)
{
    assert(hour < WEEK_HOURS);
    return (hours[hour / 8] >> (hour % 8) & 1) != 0;
}

unsigned
week_hours_of(uint64_t unix_s)
{
    return (unsigned)((unix_s / HOUR_S % WEEK_HOURS + EPOCH_HOUR) % WEEK_HOURS);
}

uint32_t
week_hours_left_s(const uint8_t hours[WEEK_HOURS_BYTES], uint64_t unix_s)
{
    const unsigned first = week_hours_of(unix_s);
    for (unsigned ahead = 0; ahead < WEEK_HOURS; ahead++) {
        if (!week_hours_has(hours, (first + ahead) % WEEK_HOURS)) {
            return ahead == 0 ? 0 : ahead * HOUR_S - (uint32_t)(unix_s % HOUR_S);
        }
    }
    return UINT32_MAX;
}

static enum status
refuse(struct buffer *why, struct bytes item, const char *reason)
{
    if (why != NULL) {
        const size_t shown = item.length < 40 ? item.length : 40;
        buffer_append_format(why, "'%.*s': %s", (int)shown,
                             shown == 0 ? "" : (const char *)item.data, reason);
    }
    return STATUS_BAD_INPUT;
}

static bool
take_text(struct bytes *rest, const char *text)
{
    const size_t length = strlen(text);
    if (rest->length < length || !bytes_are_text(bytes_of(rest->data, length), text)) {
        return false;
    }
    *rest = bytes_of(rest->data + length, rest->length - length);
    return true;
}

static bool
take_day(struct bytes *rest, unsigned *ret_day)
{
    for (unsigned day = 0; day < 7; day++) {
        if (take_text(rest, day_names[day])) {
            *ret_day = day;
            return true;
        }
    }
    return false;
}

static bool
take_two_digits(struct bytes *rest, unsigned *ret_number)
{
    if (rest->length < 2 || rest->data[0] < '0' || rest->data[0] > '9' || rest->data[1] < '0' ||
        rest->data[1] > '9') {
        return false;
    }
    *ret_number = (unsigned)(rest->data[0] - '0') * 10 + (unsigned)(rest->data[1] - '0');
    *rest = bytes_of(rest->data + 2, rest->length - 2);
    return true;
}

/* "09:30" as minutes of the day; 24:00 is allowed. */
static bool
take_time(struct bytes *rest, unsigned *ret_minute)
{
    unsigned hour;
    unsigned minute;
    if (!take_two_digits(rest, &hour) || !take_text(rest, ":") || !take_two_digits(rest, &minute) ||
        minute > 59 || hour * 60 + minute > DAY_MINUTES) {
        return false;
    }
    *ret_minute = hour * 60 + minute;
    return true;
}

static bool
take_days(struct bytes *rest, struct window *window)
{
    unsigned last;
    if (take_text(rest, "daily")) {
        window->first_day = 0;
        window->days = 7;
        return true;
    }
    if (!take_day(rest, &window->first_day)) {
        return false;
    }
    last = window->first_day;
    if (take_text(rest, "-") && !take_day(rest, &last)) {
        return false;
    }
    window->days = (last + 7 - window->first_day) % 7 + 1;
    return true;
}

static enum status
parse_window(struct bytes item, struct window *ret_window, struct buffer *why)
{
    struct window window;
    struct bytes rest = item;
    if (!take_days(&rest, &window)) {
        return refuse(why, item, "begin with a day, like 'mon', 'mon-fri' or 'daily'");
    }
    if (!take_text(&rest, " ") || !take_time(&rest, &window.from) || !take_text(&rest, "-") ||
        !take_time(&rest, &window.to) || rest.length != 0) {
        return refuse(why, item, "after the days comes a time like '09:00-17:00'");
    }
    if (window.from == window.to || window.from == DAY_MINUTES) {
        return refuse(why, item, "the time is empty; a whole day is '00:00-24:00'");
    }
    if (window.to < window.from) {
        window.to += DAY_MINUTES;
    }
    *ret_window = window;
    return STATUS_OK;
}

static void
minutes_add(struct minutes *minutes, const struct window *window, int offset_minutes)
{
    for (unsigned day = 0; day < window->days; day++) {
        const int start = (int)((window->first_day + day) % 7 * DAY_MINUTES) - offset_minutes;
        for (unsigned minute = window->from; minute < window->to; minute++) {
            minutes->is_in[(start + (int)minute + WEEK_MINUTES) % WEEK_MINUTES] = 1;
        }
    }
}

/* Sets the hours whose sixty minutes are all in; returns how many. */
static unsigned
whole_hours(const struct minutes *minutes, uint8_t ret_hours[WEEK_HOURS_BYTES])
{
    unsigned count = 0;
    memset(ret_hours, 0, WEEK_HOURS_BYTES);
    for (unsigned hour = 0; hour < WEEK_HOURS; hour++) {
        if (memchr(minutes->is_in + (size_t)hour * 60, 0, 60) == NULL) {
            ret_hours[hour / 8] = (uint8_t)(ret_hours[hour / 8] | 1u << (hour % 8));
            count++;
        }
    }
    return count;
}

static struct bytes
trimmed(struct bytes text)
{
    while (text.length > 0 && text.data[0] == ' ') {
        text = bytes_of(text.data + 1, text.length - 1);
    }
    while (text.length > 0 && text.data[text.length - 1] == ' ') {
        text.length--;
    }
    return text;
}

static enum status
parse_list(struct bytes text, int offset_minutes, struct minutes *minutes, struct buffer *why)
{
    size_t start = 0;
    for (size_t at = 0; at <= text.length; at++) {
        if (at < text.length && text.data[at] != ',') {
            continue;
        }
        struct window window;
        const enum status status =
            parse_window(trimmed(bytes_of(text.data + start, at - start)), &window, why);
        if (status != STATUS_OK) {
            return status;
        }
        minutes_add(minutes, &window, offset_minutes);
        start = at + 1;
    }
    return STATUS_OK;
}

enum status
week_hours_parse(struct bytes text, int offset_minutes, uint8_t ret_hours[WEEK_HOURS_BYTES],
                 struct buffer *why)
{
    struct minutes minutes = {.is_in = {0}};
    uint8_t hours[WEEK_HOURS_BYTES];
    if (offset_minutes < -OFFSET_MINUTES_MAX || offset_minutes > OFFSET_MINUTES_MAX) {
        return refuse(why, text, "the time zone is more than 14 hours from UTC");
    }
    if (text.length == 0) {
        return refuse(why, text, "write hours like 'mon-fri 09:00-17:00' or 'always'");
    }
    if (bytes_are_text(text, "always")) {
        memset(minutes.is_in, 1, sizeof minutes.is_in);
    } else {
        const enum status status = parse_list(text, offset_minutes, &minutes, why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (whole_hours(&minutes, hours) == 0) {
        return refuse(why, text, "no whole hour (of UTC) lies inside");
    }
    memcpy(ret_hours, hours, sizeof hours);
    return STATUS_OK;
}

/* The windows of a set, each at most a day long, in the order of their local start. */
struct windows {
    size_t count;
    struct window items[WEEK_HOURS];
};

static unsigned
local_start(unsigned hour, int offset_minutes)
{
    return (unsigned)((int)(hour * 60) + offset_minutes + WEEK_MINUTES) % WEEK_MINUTES;
}

/* Adds a run of local minutes. From a day on it is cut at midnights: one whose end is its start
 * would read as empty. */
static void
windows_add(struct windows *windows, unsigned start, unsigned length)
{
    while (length > 0) {
        const unsigned from = start % DAY_MINUTES;
        const unsigned to_midnight = DAY_MINUTES - from;
        const unsigned piece = length >= DAY_MINUTES && to_midnight < length ? to_midnight : length;
        windows->items[windows->count++] = (struct window){
            .first_day = start / DAY_MINUTES % 7, .days = 1, .from = from, .to = from + piece};
        start += piece;
        length -= piece;
    }
}

/* Finds the runs of set hours, beginning after an hour that is not set. */
static void
windows_of(const uint8_t hours[WEEK_HOURS_BYTES], int offset_minutes, struct windows *ret_windows)
{
    unsigned gap = 0;
    ret_windows->count = 0;
    while (week_hours_has(hours, gap)) {
        gap++;
    }
    for (unsigned ahead = 1; ahead < WEEK_HOURS; ahead++) {
        const unsigned first = (gap + ahead) % WEEK_HOURS;
        unsigned length = 0;
        while (week_hours_has(hours, (first + length) % WEEK_HOURS)) {
            length++;
        }
        if (length > 0) {
            windows_add(ret_windows, local_start(first, offset_minutes), length * 60);
            ahead += length;
        }
    }
}

/* Joins windows of the same time on following days; joined ones get no days. */
static void
windows_join(struct windows *windows)
{
    for (size_t i = 0; i < windows->count; i++) {
        struct window *window = &windows->items[i];
        for (size_t j = 0; window->days > 0 && j < windows->count; j++) {
            struct window *other = &windows->items[j];
            if (other != window && other->days > 0 && window->days + other->days <= 7 &&
                other->from == window->from && other->to == window->to &&
                other->first_day == (window->first_day + window->days) % 7) {
                window->days += other->days;
                other->days = 0;
                j = SIZE_MAX; /* a day before the ones seen may follow now */
            }
        }
    }
}

static void
print_window(struct buffer *out, const struct window *window)
{
    const unsigned to = window->to > DAY_MINUTES ? window->to - DAY_MINUTES : window->to;
    if (window->days == 7) {
        buffer_append_format(out, "daily");
    } else {
        buffer_append_format(out, "%s", day_names[window->first_day]);
        if (window->days > 1) {
            buffer_append_format(out, "-%s", day_names[(window->first_day + window->days - 1) % 7]);
        }
    }
    buffer_append_format(out, " %02u:%02u-%02u:%02u", window->from / 60, window->from % 60, to / 60,
                         to % 60);
}

void
week_hours_print(struct buffer *out, const uint8_t hours[WEEK_HOURS_BYTES], int offset_minutes)
{
    static const uint8_t none[WEEK_HOURS_BYTES];
    struct windows windows;
    assert(offset_minutes >= -OFFSET_MINUTES_MAX && offset_minutes <= OFFSET_MINUTES_MAX);
    if (week_hours_left_s(hours, 0) == UINT32_MAX) {
        buffer_append_format(out, "always");
        return;
    }
    if (bytes_equal(bytes_of(hours, WEEK_HOURS_BYTES), bytes_of(none, WEEK_HOURS_BYTES))) {
        buffer_append_format(out, "never");
        return;
    }
    windows_of(hours, offset_minutes, &windows);
    windows_join(&windows);
    bool is_first = true;
    for (size_t i = 0; i < windows.count; i++) {
        if (windows.items[i].days > 0) {
            buffer_append_format(out, "%s", is_first ? "" : ",");
            print_window(out, &windows.items[i]);
            is_first = false;
        }
    }
}
