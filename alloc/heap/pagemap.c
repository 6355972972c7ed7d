/* pagemap.c: see pagemap.h. */
#include "pagemap.h"

_Atomic uint8_t chunk_registry[CHUNK_NUMBERS];
