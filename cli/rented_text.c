#include "cli/rented_text.h"

#include "cli/output.h"
#include "protocol/quantity.h"

void
rented_print(struct buffer *text, const struct rented_view *rented)
{
    char hex[ID_HEX_SIZE];
    output_clean(text, rented->model);
    if (rented->slots > 1) {
        buffer_append_format(text, " x%u", rented->slots);
    }
    buffer_append_format(text, " of ");
    if (rented->host_label.length > 0) {
        output_clean(text, rented->host_label);
    } else {
        id_to_hex(rented->host.bytes, hex);
        buffer_append_format(text, "%.12s", hex);
    }
    buffer_append_format(text, " at ");
    quantity_print_price(text, rented->ask_uusd_per_hour);
    buffer_append_format(text, ", at most ");
    quantity_print_amount(text, rented->total_uusd);
}
