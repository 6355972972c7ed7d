/* member.h: members of JSON objects as C values, and back. What is not there reads as "" or NAN,
 * and NAN is written as null, which is how every file of ours says that there is no such figure.
 */
#ifndef ASHLAR_BASE_MEMBER_H
#define ASHLAR_BASE_MEMBER_H

#include <math.h>

#include <jansson.h>

/* Borrowed from the object. */
static inline const char *member_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

static inline double member_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

static inline json_t *number_or_null(double value)
{
    return isnan(value) ? json_null() : json_real(value);
}

#endif
