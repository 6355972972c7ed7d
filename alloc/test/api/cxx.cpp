/* cxx.cpp: every form of operator new and operator delete, linked with libashlar.so.
 *
 * That ours ran is read from ashlar_stats_get: each form must count one block. Failures throw
 * bad_alloc, or give NULL in the nothrow forms, after the new_handler was asked. thread_local
 * objects allocate and free in their constructors and destructors.
 */
#include <climits>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <csetjmp>
#include <cstring>
#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

extern "C" {
#include <cmocka.h>
}

/* A function and a struct of the same name are C's custom; g++ takes the struct for shadowed. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include "ashlar/ashlar.h"
#pragma GCC diagnostic pop

namespace
{

/* What the compiler cannot see through, so that no pair of new and delete is optimised away. */
void *opaque(void *block)
{
    asm volatile("" : "+r"(block) : : "memory");
    return block;
}

struct counts {
    uint64_t mallocs, frees;
    size_t allocated_bytes;
};

counts now()
{
    struct ashlar_stats s;
    ashlar_stats_get(&s);
    return {s.mallocs, s.frees, s.allocated_bytes};
}

void expect_one_block(const counts &before)
{
    counts after = now();
    assert_int_equal(after.mallocs - before.mallocs, 1);
    assert_int_equal(after.frees - before.frees, 1);
    assert_int_equal(after.allocated_bytes, before.allocated_bytes);
}

const std::size_t sizes[] = {0, 1, 16, 24, 100, 4096, 20000, 1 << 20, 5 << 20};

void test_plain_forms(void **)
{
    for (std::size_t size : sizes) {
        counts before = now();
        void *p = opaque(::operator new(size));
        assert_non_null(p);
        assert_int_equal(reinterpret_cast<std::uintptr_t>(p) % 16, 0);
        std::memset(p, 1, size);
        ::operator delete(p);
        expect_one_block(before);

        before = now();
        p = opaque(::operator new[](size));
        assert_non_null(p);
        ::operator delete[](p);
        expect_one_block(before);

        before = now();
        p = opaque(::operator new(size, std::nothrow));
        assert_non_null(p);
        ::operator delete(p, std::nothrow);
        expect_one_block(before);

        before = now();
        p = opaque(::operator new[](size, std::nothrow));
        assert_non_null(p);
        ::operator delete[](p, std::nothrow);
        expect_one_block(before);

        before = now();
        ::operator delete(opaque(::operator new(size)), size);
        expect_one_block(before);

        before = now();
        ::operator delete[](opaque(::operator new[](size)), size);
        expect_one_block(before);
    }
}

void test_aligned_forms(void **)
{
    for (std::size_t alignment = 1; alignment <= (4u << 20); alignment *= 2) {
        const std::align_val_t al{alignment};
        for (std::size_t size : sizes) {
            counts before = now();
            void *p = opaque(::operator new(size, al));
            assert_non_null(p);
            assert_int_equal(reinterpret_cast<std::uintptr_t>(p) % alignment, 0);
            ::operator delete(p, al);
            expect_one_block(before);

            before = now();
            p = opaque(::operator new[](size, al));
            assert_int_equal(reinterpret_cast<std::uintptr_t>(p) % alignment, 0);
            ::operator delete[](p, al);
            expect_one_block(before);

            before = now();
            p = opaque(::operator new(size, al, std::nothrow));
            assert_non_null(p);
            assert_int_equal(reinterpret_cast<std::uintptr_t>(p) % alignment, 0);
            ::operator delete(p, al, std::nothrow);
            expect_one_block(before);

            before = now();
            p = opaque(::operator new[](size, al, std::nothrow));
            assert_non_null(p);
            ::operator delete[](p, al, std::nothrow);
            expect_one_block(before);

            before = now();
            ::operator delete(opaque(::operator new(size, al)), size, al);
            expect_one_block(before);

            before = now();
            ::operator delete[](opaque(::operator new[](size, al)), size, al);
            expect_one_block(before);
        }
    }
}

void test_delete_of_null(void **)
{
    void *volatile null = nullptr; /* read anew at each use */
    counts before = now();
    ::operator delete(null);
    ::operator delete[](null);
    ::operator delete(null, std::nothrow);
    ::operator delete[](null, std::nothrow);
    ::operator delete (null, std::size_t{8});
    ::operator delete[](null, std::size_t{8});
    ::operator delete (null, std::align_val_t{64});
    ::operator delete[](null, std::align_val_t{64});
    ::operator delete (null, std::size_t{8}, std::align_val_t{64});
    ::operator delete[](null, std::size_t{8}, std::align_val_t{64});
    counts after = now();
    assert_int_equal(after.frees, before.frees);
}

/* The size comes from memory, so that the compiler does not see that it is too large. */
volatile std::size_t too_large = SIZE_MAX / 2 + 1;

template <typename Function> bool throws_bad_alloc(Function function)
{
    try {
        opaque(function());
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

void test_failures(void **)
{
    const std::align_val_t al{64};
    assert_true(throws_bad_alloc([] { return ::operator new(too_large); }));
    assert_true(throws_bad_alloc([] { return ::operator new[](too_large); }));
    assert_true(throws_bad_alloc([&] { return ::operator new(too_large, al); }));
    assert_true(throws_bad_alloc([&] { return ::operator new[](too_large, al); }));
    assert_null(opaque(::operator new(too_large, std::nothrow)));
    assert_null(opaque(::operator new[](too_large, std::nothrow)));
    assert_null(opaque(::operator new(too_large, al, std::nothrow)));
    assert_null(opaque(::operator new[](too_large, al, std::nothrow)));
}

int handler_calls;

void handler_that_gives_up()
{
    if (++handler_calls == 3)
        std::set_new_handler(nullptr);
}

struct handler_error {
};

void handler_that_throws()
{
    handler_calls++;
    throw handler_error{};
}

void test_new_handler(void **)
{
    const std::align_val_t al{64};
    handler_calls = 0;
    std::set_new_handler(handler_that_gives_up);
    assert_true(throws_bad_alloc([] { return ::operator new(too_large); }));
    assert_int_equal(handler_calls, 3);

    handler_calls = 0;
    std::set_new_handler(handler_that_gives_up);
    assert_null(opaque(::operator new(too_large, std::nothrow)));
    assert_int_equal(handler_calls, 3);

    handler_calls = 0;
    std::set_new_handler(handler_that_gives_up);
    assert_null(opaque(::operator new[](too_large, al, std::nothrow)));
    assert_int_equal(handler_calls, 3);

    handler_calls = 0;
    std::set_new_handler(handler_that_throws);
    bool seen = false;
    try {
        opaque(::operator new(too_large));
    } catch (const handler_error &) {
        seen = true;
    }
    assert_true(seen);
    assert_int_equal(handler_calls, 1);
    std::set_new_handler(nullptr);
}

/* Is built at a thread's first use and destroyed at its exit, after other destructors and before
 * yet others; both allocate. */
struct hoarder {
    std::vector<std::string> lines;
    hoarder()
    {
        for (int i = 0; i < 50; i++)
            lines.emplace_back(static_cast<std::size_t>(i * 10 + 20), 'x');
    }
    ~hoarder()
    {
        std::map<int, std::string> last;
        for (int i = 0; i < 50; i++)
            last[i] = lines[static_cast<std::size_t>(i)] + "y";
        lines.assign(3, std::string(1000, 'z'));
    }
};

thread_local hoarder mine;

void test_thread_local_destructors(void **)
{
    counts before = now();
    for (int round = 0; round < 21; round++) {
        if (round == 1) /* what the C and C++ libraries keep for threads is there by now */
            before = now();
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; i++)
            threads.emplace_back([] { mine.lines.emplace_back(100, 'a'); });
        for (std::thread &thread : threads)
            thread.join();
    }
    counts after = now();
    /* The C library keeps the stacks of some dead threads, each with one block: a few more or less.
     * A thread that left its objects would leave a hundred. */
    assert_true(after.mallocs - after.frees <= before.mallocs - before.frees + 8);
    assert_true(after.allocated_bytes <= before.allocated_bytes + 4096);
}

void test_containers(void **)
{
    counts before = now();
    {
        std::map<std::string, std::vector<int>> table;
        for (int i = 0; i < 2000; i++)
            table["key " + std::to_string(i % 300) + std::string(20, '.')].push_back(i);
        std::size_t total = 0;
        for (const auto &entry : table)
            total += entry.second.size();
        assert_int_equal(total, 2000);
    }
    counts after = now();
    assert_true(after.mallocs - before.mallocs > 600);
    assert_int_equal(after.allocated_bytes, before.allocated_bytes);
}

int heap_holds(void **)
{
    return ashlar_check() ? 0 : -1;
}

} // namespace

#define TEST(function) cmocka_unit_test_setup_teardown(function, nullptr, heap_holds)

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(test_plain_forms), TEST(test_aligned_forms), TEST(test_delete_of_null),
        TEST(test_failures),    TEST(test_new_handler),   TEST(test_thread_local_destructors),
        TEST(test_containers),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
