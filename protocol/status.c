#include "protocol/status.h"

#include <assert.h>

static const char *const texts[STATUS_COUNT] = {
#define STATUS_SENTENCE(name, sentence) [STATUS_##name] = (sentence),
    STATUS_TABLE(STATUS_SENTENCE)
#undef STATUS_SENTENCE
};

static const char *const names[STATUS_COUNT] = {
#define STATUS_NAME(name, sentence) [STATUS_##name] = #name,
    STATUS_TABLE(STATUS_NAME)
#undef STATUS_NAME
};

const char *
status_text(enum status status)
{
    assert((unsigned)status < STATUS_COUNT);
    return texts[status];
}

const char *
status_name(enum status status)
{
    assert((unsigned)status < STATUS_COUNT);
    return names[status];
}
