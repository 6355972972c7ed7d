/* size_class.c: see size_class.h. The two tables are written out by macros, so that they are constant
 * data without relocations and cost a small process one page. */
#include "size_class.h"

#define RECIPROCAL(size) ((uint32_t)((UINT64_C(0x100000000) + (size) - 1) / (size)))
#define CLASS(size, pages) \
    {(size), RECIPROCAL(size), (pages), (uint16_t)((pages) * PAGE_SIZE / (size))}

/* 32 to 256 regions up to 2 KiB: a run of few regions is what makes 1 KiB objects slow elsewhere; 16, 8
 * and 4 beyond, so that a run stays near 64 KiB. */
const struct size_class size_classes[SMALL_CLASSES] = {
    CLASS(16, 1),     CLASS(32, 1),     CLASS(48, 3),     CLASS(64, 1),
    CLASS(80, 5),     CLASS(96, 3),     CLASS(112, 7),    CLASS(128, 1),
    CLASS(160, 5),    CLASS(192, 3),    CLASS(224, 7),    CLASS(256, 2),
    CLASS(320, 5),    CLASS(384, 3),    CLASS(448, 7),    CLASS(512, 4),
    CLASS(640, 5),    CLASS(768, 6),    CLASS(896, 7),    CLASS(1024, 8),
    CLASS(1152, 9),   CLASS(1280, 10),  CLASS(1408, 11),  CLASS(1536, 12),
    CLASS(1664, 13),  CLASS(1792, 14),  CLASS(1920, 15),  CLASS(2048, 16),
    CLASS(2304, 9),   CLASS(2560, 10),  CLASS(2816, 11),  CLASS(3072, 12),
    CLASS(3328, 13),  CLASS(3584, 14),  CLASS(3840, 15),  CLASS(4096, 16),
    CLASS(4608, 9),   CLASS(5120, 10),  CLASS(5632, 11),  CLASS(6144, 12),
    CLASS(6656, 13),  CLASS(7168, 14),  CLASS(7680, 15),  CLASS(8192, 16),
    CLASS(9216, 18),  CLASS(10240, 20), CLASS(11264, 22), CLASS(12288, 24),
    CLASS(13312, 26), CLASS(14336, 28), CLASS(15360, 30), CLASS(16384, 16),
    CLASS(18432, 18), CLASS(20480, 20), CLASS(22528, 22), CLASS(24576, 24),
    CLASS(26624, 26), CLASS(28672, 28), CLASS(30720, 30), CLASS(32768, 32),
};

/* The class of size s, as a constant expression: below 128 the multiple of 16, then by doublings of
 * four and of eight classes. */
#define BY_FOUR(s, lg) (8 + ((lg) - 7) * 4 + (((s) - 1) >> ((lg) - 2) & 3))
#define BY_EIGHT(s, lg) (20 + ((lg) - 10) * 8 + (((s) - 1) >> ((lg) - 3) & 7))
#define OF_SIZE(s)                        \
    (uint8_t)((s) == 0      ? 0           \
              : (s) <= 128  ? (s) / 16 - 1 \
              : (s) <= 256  ? BY_FOUR(s, 7) \
              : (s) <= 512  ? BY_FOUR(s, 8) \
              : (s) <= 1024 ? BY_FOUR(s, 9) \
              : (s) <= 2048 ? BY_EIGHT(s, 10) \
                            : BY_EIGHT(s, 11))
#define OF(i) OF_SIZE((i) * 16)
#define OF4(i) OF(i), OF((i) + 1), OF((i) + 2), OF((i) + 3)
#define OF16(i) OF4(i), OF4((i) + 4), OF4((i) + 8), OF4((i) + 12)
#define OF64(i) OF16(i), OF16((i) + 16), OF16((i) + 32), OF16((i) + 48)

const uint8_t size_class_table[TABLE_MAX / QUANTUM + 1] = {
    OF64(0), OF64(64), OF64(128), OF64(192), OF(256),
};

unsigned size_class_aligned(size_t size, size_t alignment)
{
    unsigned index = size_class_of(size);
    while (size_class_bytes(index) & (alignment - 1)) {
        index++; /* ends at the next power of two at the latest */
    }
    return index;
}

bool size_class_check(void)
{
    for (unsigned i = 0; i < SMALL_CLASSES; i++) {
        const struct size_class *c = &size_classes[i];
        uint32_t run_bytes = (uint32_t)(c->run_pages * PAGE_SIZE);
        if (c->size_bytes != size_class_bytes(i) || c->size_bytes * c->run_regions != run_bytes ||
            !bits_is_pow2(c->run_regions) || c->run_regions > RUN_REGIONS_MAX) {
            return false;
        }
        for (uint32_t offset = 0; offset < run_bytes; offset++) {
            uint64_t product = (uint64_t)offset * c->reciprocal;
            bool start = (uint32_t)product < c->reciprocal;
            if (product >> 32 != offset / c->size_bytes || start != (offset % c->size_bytes == 0)) {
                return false;
            }
        }
    }
    for (size_t size = 1; size <= LARGE_MAX; size++) {
        unsigned index = size_class_of(size);
        if (index != size_class_compute(size) || size_class_bytes(index) < size ||
            (index && size_class_bytes(index - 1) >= size)) {
            return false;
        }
    }
    return size_class_of(0) == 0 && size_class_of(LARGE_MAX) == RUN_CLASSES - 1 &&
           size_class_of(SMALL_MAX) == SMALL_CLASSES - 1 &&
           size_class_of(CACHED_MAX) == CACHED_CLASSES - 1;
}
