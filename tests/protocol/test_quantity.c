#include "protocol/quantity.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

/* A parser, brought to one shape: the value as 64 bits. */
typedef enum status (*parse_function)(struct bytes text, uint64_t *ret_value, struct buffer *why);
typedef void (*print_function)(struct buffer *out, uint64_t value);

static enum status
price(struct bytes text, uint64_t *ret_value, struct buffer *why)
{
    struct amount amount;
    const enum status status = quantity_parse_price(text, &amount, why);
    if (status == STATUS_OK) {
        *ret_value = (uint64_t)amount_micro(amount);
    }
    return status;
}

static enum status
money(struct bytes text, uint64_t *ret_value, struct buffer *why)
{
    struct amount amount;
    const enum status status = quantity_parse_amount(text, &amount, why);
    if (status == STATUS_OK) {
        *ret_value = (uint64_t)amount_micro(amount);
    }
    return status;
}

static enum status
duration(struct bytes text, uint64_t *ret_value, struct buffer *why)
{
    struct duration result;
    const enum status status = quantity_parse_duration(text, &result, why);
    if (status == STATUS_OK) {
        *ret_value = (uint64_t)result.ms;
    }
    return status;
}

#define PARSE_OF(name, type)                                                                       \
    static enum status name(struct bytes text, uint64_t *ret_value, struct buffer *why)            \
    {                                                                                              \
        type value;                                                                                \
        const enum status status = quantity_parse_##name(text, &value, why);                       \
        if (status == STATUS_OK) {                                                                 \
            *ret_value = value;                                                                    \
        }                                                                                          \
        return status;                                                                             \
    }
PARSE_OF(seconds, uint32_t)
PARSE_OF(size, uint32_t)
PARSE_OF(share, uint16_t)
PARSE_OF(bandwidth, uint32_t)
PARSE_OF(network_rate, uint32_t)
PARSE_OF(speed, uint32_t)
PARSE_OF(version, uint16_t)
PARSE_OF(capability, uint16_t)

static enum status
count(struct bytes text, uint64_t *ret_value, struct buffer *why)
{
    return quantity_parse_count(text, 64, ret_value, why);
}

struct good {
    parse_function parse;
    const char *text;
    uint64_t value;
};

Test(quantity, what_people_write_is_read)
{
    static const struct good cases[] = {
        {price, "0.35/h", 350000},
        {price, "0.35", 350000},
        {price, "0.35 USD/h", 350000},
        {price, "$0.35/h", 350000},
        {price, "2", 2000000},
        {price, "0.000001/h", 1},
        {price, "0", 0},
        {price, "9007199254.740991", (uint64_t)AMOUNT_MICRO_MAX},
        {money, "12.50", 12500000},
        {money, "12.50 USD", 12500000},
        {duration, "2h30m", 9000000},
        {duration, "90s", 90000},
        {duration, "10m", 600000},
        {duration, "1d", 86400000},
        {duration, "1w2d3h4m5s6ms", 788645006},
        {duration, "0s", 0},
        {duration, "250ms", 250},
        {seconds, "2m", 120},
        {seconds, "1s1000ms", 2},
        {size, "24GiB", 24576},
        {size, "24 GiB", 24576},
        {size, "500MiB", 500},
        {size, "1.5TiB", 1572864},
        {size, "0.5GiB", 512},
        {share, "95", 9500},
        {share, "95%", 9500},
        {share, "99.95 %", 9995},
        {share, "100", 10000},
        {bandwidth, "800", 800000},
        {bandwidth, "1.8TB/s", 1800000},
        {bandwidth, "31.5 GB/s", 31500},
        {bandwidth, "7MB/s", 7},
        {network_rate, "100", 100},
        {network_rate, "1Gbit/s", 1000},
        {network_rate, "2.5 Gbit/s", 2500},
        {speed, "100", 100000},
        {speed, "165.2 TFLOPS", 165200},
        {speed, "900GFLOPS", 900},
        {version, "12.4", 1204},
        {version, "12", 1200},
        {version, "8.9", 809},
        {version, "12.14", 1214},
        {capability, "8.9", 809},
        {capability, "gfx1100", 0x1100},
        {capability, "gfx90a", 0x90a},
        {count, "64", 64},
        {count, "0", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t value = UINT64_MAX;
        const enum status status = cases[i].parse(bytes_of_text(cases[i].text), &value, NULL);
        cr_assert_eq(status, STATUS_OK, "%s: %s", cases[i].text, status_name(status));
        cr_assert_eq(value, cases[i].value, "%s: %" PRIu64, cases[i].text, value);
    }
}

struct bad {
    parse_function parse;
    const char *text;
    enum status status;
};

Test(quantity, what_is_no_quantity_is_refused_with_a_sentence)
{
    static const struct bad cases[] = {
        {price, "", STATUS_BAD_INPUT},
        {price, "-1", STATUS_BAD_INPUT},
        {price, "+1", STATUS_BAD_INPUT},
        {price, "1e3", STATUS_BAD_INPUT},
        {price, "0,35", STATUS_BAD_INPUT},
        {price, ".35", STATUS_BAD_INPUT},
        {price, "0.", STATUS_BAD_INPUT},
        {price, "0.0000001", STATUS_BAD_INPUT},
        {price, "0.35/d", STATUS_BAD_INPUT},
        {price, "0.35  USD/h", STATUS_BAD_INPUT},
        {price, "0.35/h ", STATUS_BAD_INPUT},
        {price, " 0.35/h", STATUS_BAD_INPUT},
        {price, "9007199254.740992", STATUS_OUT_OF_RANGE},
        {price, "99999999999999999999999", STATUS_OUT_OF_RANGE},
        {money, "12.50/h", STATUS_BAD_INPUT},
        {duration, "", STATUS_BAD_INPUT},
        {duration, "90", STATUS_BAD_INPUT},
        {duration, "s", STATUS_BAD_INPUT},
        {duration, "30m2h", STATUS_BAD_INPUT},
        {duration, "1h1h", STATUS_BAD_INPUT},
        {duration, "1.5h", STATUS_BAD_INPUT},
        {duration, "2h 30m", STATUS_BAD_INPUT},
        {duration, "2h30", STATUS_BAD_INPUT},
        {duration, "-5m", STATUS_BAD_INPUT},
        {duration, "1y", STATUS_BAD_INPUT},
        {duration, "3651d", STATUS_OUT_OF_RANGE},
        {duration, "99999999999999999w", STATUS_OUT_OF_RANGE},
        {seconds, "1500ms", STATUS_BAD_INPUT},
        {size, "24", STATUS_BAD_INPUT},
        {size, "24GB", STATUS_BAD_INPUT},
        {size, "24G", STATUS_BAD_INPUT},
        {size, "24gib", STATUS_BAD_INPUT},
        {size, "GiB", STATUS_BAD_INPUT},
        {size, "0.0001GiB", STATUS_BAD_INPUT},
        {size, "4096TiB", STATUS_OUT_OF_RANGE},
        {share, "101", STATUS_OUT_OF_RANGE},
        {share, "99.999", STATUS_BAD_INPUT},
        {share, "95%%", STATUS_BAD_INPUT},
        {bandwidth, "800GiB/s", STATUS_BAD_INPUT},
        {bandwidth, "4294967.296", STATUS_OUT_OF_RANGE},
        {network_rate, "100MB/s", STATUS_BAD_INPUT},
        {network_rate, "0.5", STATUS_BAD_INPUT},
        {speed, "fast", STATUS_BAD_INPUT},
        {version, "12.", STATUS_BAD_INPUT},
        {version, "12.4.1", STATUS_BAD_INPUT},
        {version, "v12", STATUS_BAD_INPUT},
        {version, "12.100", STATUS_OUT_OF_RANGE},
        {version, "655", STATUS_OUT_OF_RANGE},
        {capability, "gfx", STATUS_BAD_INPUT},
        {capability, "gfx11000", STATUS_BAD_INPUT},
        {capability, "gfx9g0", STATUS_BAD_INPUT},
        {capability, "sm_89", STATUS_BAD_INPUT},
        {count, "65", STATUS_OUT_OF_RANGE},
        {count, "4.0", STATUS_BAD_INPUT},
        {count, "0x4", STATUS_BAD_INPUT},
        {count, "", STATUS_BAD_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char memory[256];
        struct buffer why;
        uint64_t value = 4711;
        buffer_init(&why, memory, sizeof memory);
        const enum status status = cases[i].parse(bytes_of_text(cases[i].text), &value, &why);
        cr_assert_eq(status, cases[i].status, "'%s': %s", cases[i].text, status_name(status));
        cr_assert_eq(value, 4711u, "'%s' wrote a result", cases[i].text);
        cr_assert(!why.overflowed && why.length > 20, "'%s'", cases[i].text);
        cr_assert_eq(cases[i].parse(bytes_of_text(cases[i].text), &value, NULL), status);
    }
}

static void
print_price(struct buffer *out, uint64_t value)
{
    struct amount amount = amount_zero();
    cr_assert_eq(amount_of_micro((int64_t)value, &amount), STATUS_OK);
    quantity_print_price(out, amount);
}

static void
print_money(struct buffer *out, uint64_t value)
{
    struct amount amount = amount_zero();
    cr_assert_eq(amount_of_micro((int64_t)value, &amount), STATUS_OK);
    quantity_print_amount(out, amount);
}

static void
print_duration(struct buffer *out, uint64_t value)
{
    quantity_print_duration(out, duration_of_ms((int64_t)value));
}

#define PRINT_OF(name, type)                                                                       \
    static void print_##name(struct buffer *out, uint64_t value)                                   \
    {                                                                                              \
        quantity_print_##name(out, (type)value);                                                   \
    }
PRINT_OF(size, uint32_t)
PRINT_OF(share, uint16_t)
PRINT_OF(bandwidth, uint32_t)
PRINT_OF(network_rate, uint32_t)
PRINT_OF(speed, uint32_t)
PRINT_OF(version, uint16_t)

static void
printed(print_function print, uint64_t value, char *ret_text, size_t size)
{
    struct buffer out;
    buffer_init(&out, ret_text, size - 1);
    print(&out, value);
    cr_assert_not(out.overflowed);
    ret_text[out.length] = '\0';
}

Test(quantity, what_is_printed_reads_well)
{
    static const struct {
        print_function print;
        uint64_t value;
        const char *text;
    } cases[] = {
        {print_price, 350000, "0.35 USD/h"},
        {print_price, 2000000, "2.00 USD/h"},
        {print_price, 1, "0.000001 USD/h"},
        {print_price, 123400, "0.1234 USD/h"},
        {print_money, 12500000, "12.50 USD"},
        {print_money, (uint64_t)-1, "-0.000001 USD"},
        {print_duration, 9000000, "2h30m"},
        {print_duration, 90000, "1m30s"},
        {print_duration, 0, "0s"},
        {print_duration, 1209600000, "14d"},
        {print_duration, 1500, "1s500ms"},
        {print_duration, (uint64_t)-5000, "-5s"},
        {print_size, 24576, "24 GiB"},
        {print_size, 1536, "1.5 GiB"},
        {print_size, 500, "500 MiB"},
        {print_size, 1025, "1025 MiB"},
        {print_size, 0, "0 MiB"},
        {print_size, 1048576, "1 TiB"},
        {print_share, 9500, "95 %"},
        {print_share, 9950, "99.5 %"},
        {print_bandwidth, 1008000, "1008 GB/s"},
        {print_bandwidth, 31500, "31.5 GB/s"},
        {print_network_rate, 100, "100 Mbit/s"},
        {print_network_rate, 2500, "2.5 Gbit/s"},
        {print_speed, 165200, "165.2 TFLOPS"},
        {print_version, 1204, "12.4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        printed(cases[i].print, cases[i].value, text, sizeof text);
        cr_assert_str_eq(text, cases[i].text);
    }
}

Test(quantity, what_is_printed_is_read_back)
{
    static const struct {
        parse_function parse;
        print_function print;
        uint64_t below;
    } kinds[] = {
        {price, print_price, (uint64_t)AMOUNT_MICRO_MAX + 1},
        {money, print_money, (uint64_t)AMOUNT_MICRO_MAX + 1},
        {duration, print_duration, UINT64_C(315360000001)},
        {size, print_size, UINT64_C(1) << 32},
        {share, print_share, 10001},
        {bandwidth, print_bandwidth, UINT64_C(1) << 32},
        {network_rate, print_network_rate, UINT64_C(1) << 32},
        {speed, print_speed, UINT64_C(1) << 32},
        {version, print_version, 65400},
    };
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        uint64_t number = 1;
        for (int round = 0; round < 3000; round++) {
            char text[64];
            uint64_t back = 0;
            number = number * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            const uint64_t value = (number >> (number % 60)) % kinds[kind].below;
            printed(kinds[kind].print, value, text, sizeof text);
            cr_assert_eq(kinds[kind].parse(bytes_of_text(text), &back, NULL), STATUS_OK, "%s",
                         text);
            cr_assert_eq(back, value, "%s", text);
        }
        char text[64];
        uint64_t back = 0;
        printed(kinds[kind].print, kinds[kind].below - 1, text, sizeof text);
        cr_assert_eq(kinds[kind].parse(bytes_of_text(text), &back, NULL), STATUS_OK, "%s", text);
        cr_assert_eq(back, kinds[kind].below - 1, "%s", text);
    }
}
