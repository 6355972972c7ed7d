/* door.h: how a function gets the name that each library gives it, and how it is seen from outside.
 *
 *     libashlar.so, libashlar.a     malloc, free, ...            (ASHLAR_OVERRIDE)
 *     libashlar_prefixed.a          ashlar_malloc, ashlar_free, ...
 */
#ifndef ASHLAR_API_DOOR_H
#define ASHLAR_API_DOOR_H

#ifdef ASHLAR_OVERRIDE
#define DOOR(name) name
#else
#define DOOR(name) ashlar_##name
#endif

#define EXPORT __attribute__((visibility("default")))

#endif
