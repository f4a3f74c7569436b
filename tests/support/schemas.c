#include "tests/support/schemas.h"

#include "protocol/auction.h"
#include "protocol/control.h"
#include "protocol/envelope.h"
#include "protocol/message.h"
#include "protocol/row.h"

enum { NUMBERS = 256 };

static const struct schema *const own[] = {
    &lease_row_schema,     &ledger_row_schema,     &balance_row_schema,   &offer_row_schema,
    &setting_row_schema,   &sequence_row_schema,   &guard_row_schema,     &peer_row_schema,
    &standing_row_schema,  &receipt_bundle_schema, &envelope_schema,      &bid_terms_schema,
    &clearing_file_schema, &clearing_page_schema,  &gang_seat_row_schema, &gang_row_schema,
};

bool
schema_group_has_number(enum schema_group group)
{
    return group == GROUP_MESSAGE || group == GROUP_CONTROL;
}

const struct schema *
schema_of(enum schema_group group, uint8_t number)
{
    switch (group) {
    case GROUP_RECORD:
        return record_schema(number);
    case GROUP_MESSAGE:
        return message_schema(number);
    case GROUP_CONTROL:
        return control_schema(number);
    case GROUP_CONTROL_ROW:
        return control_row_schema(number);
    case GROUP_OWN_ROW:
        return number < sizeof own / sizeof own[0] ? own[number] : NULL;
    }
    return NULL;
}

bool
schema_at(size_t position, struct schema_entry *ret_entry)
{
    for (unsigned group = GROUP_RECORD; group <= GROUP_OWN_ROW; group++) {
        for (unsigned number = 0; number < NUMBERS; number++) {
            const struct schema *schema = schema_of((enum schema_group)group, (uint8_t)number);
            if (schema == NULL) {
                continue;
            }
            if (position == 0) {
                *ret_entry = (struct schema_entry){schema, (enum schema_group)group};
                return true;
            }
            position--;
        }
    }
    return false;
}
