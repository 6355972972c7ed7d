// micro.cpp: ashlar-micro, single operations under Google Benchmark.
//
// The operations are the C library's own doors, so the allocator that the dynamic linker finds is
// the one measured. The report, its flags and its JSON are Google Benchmark's; a preload is
// compared with another by its compare.py. A benchmark is one function and one line in the list of
// families.
//
//     BM_malloc_free/64            one block of 64 bytes, allocated and freed
//     BM_malloc_free_mt/64/...     the same in several threads at once
//     BM_stack/64/1000             1000 blocks of 64 bytes, freed in the reverse order
//     BM_calloc/1024               one zeroed block, allocated and freed
//     BM_realloc_growth/1048576    one block from 16 bytes upwards by half, to 1 MiB
//     BM_realloc_grow/64           one block of 64 bytes made twice as large; _shrink: half; _same
//     BM_posix_memalign/64/1024    one block of 1024 bytes at a multiple of 64
//     BM_new_sized/64              operator new and its sized delete
//
// There is a row for every entry point of C and C++ that allocates or frees: `families` is the
// list,
// --describe prints it with what each row calls.
//
// A round of Google Benchmark has a fixed time, not fixed work; --iterations=N fixes the work
// instead, where instructions are to be counted, and appends /iterations:N to the names.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <new>
#include <string>
#include <unistd.h>
#include <vector>

namespace
{

// The compiler may drop a malloc whose block is never used; the barrier makes the address escape.
void use(void *block, benchmark::State &state)
{
    if (block == nullptr) {
        state.SkipWithError("out of memory");
    }
    benchmark::DoNotOptimize(block);
    benchmark::ClobberMemory();
}

void BM_malloc_free(benchmark::State &state)
{
    const auto size = static_cast<size_t>(state.range(0));
    for (auto _ : state) {
        void *block = std::malloc(size);
        use(block, state);
        std::free(block);
    }
    state.SetItemsProcessed(state.iterations());
}

void BM_stack(benchmark::State &state)
{
    const auto size = static_cast<size_t>(state.range(0));
    std::vector<void *> blocks(static_cast<size_t>(state.range(1)));
    for (auto _ : state) {
        for (auto &block : blocks) {
            block = std::malloc(size);
            use(block, state);
        }
        for (auto at = blocks.rbegin(); at != blocks.rend(); ++at) {
            std::free(*at);
        }
    }
    state.SetItemsProcessed(state.iterations() * state.range(1));
}

void BM_calloc(benchmark::State &state)
{
    const auto size = static_cast<size_t>(state.range(0));
    for (auto _ : state) {
        void *block = std::calloc(1, size);
        use(block, state);
        std::free(block);
    }
    state.SetItemsProcessed(state.iterations());
    state.SetBytesProcessed(state.iterations() * state.range(0));
}

void BM_realloc_growth(benchmark::State &state)
{
    const auto limit = static_cast<size_t>(state.range(0));
    int64_t steps = 0;
    for (auto _ : state) {
        void *block = nullptr;
        for (size_t size = 16; size <= limit; size += size / 2) {
            void *grown = std::realloc(block, size);
            use(grown, state);
            block = grown;
            static_cast<char *>(block)[size - 1] = 1;
            steps++;
        }
        std::free(block);
    }
    state.SetItemsProcessed(steps);
}

// From one size to another and away; the block is written, so that there is something to copy.
void resize(benchmark::State &state, size_t from, size_t to)
{
    for (auto _ : state) {
        void *block = std::malloc(from);
        use(block, state);
        static_cast<char *>(block)[from - 1] = 1;
        void *resized = std::realloc(block, to);
        use(resized, state);
        std::free(resized);
    }
    state.SetItemsProcessed(state.iterations());
}

void BM_realloc_grow(benchmark::State &state)
{
    const auto size = static_cast<size_t>(state.range(0));
    resize(state, size, 2 * size);
}

void BM_realloc_shrink(benchmark::State &state)
{
    const auto size = static_cast<size_t>(state.range(0));
    resize(state, size, size / 2);
}

void BM_realloc_same(benchmark::State &state)
{
    const auto size = static_cast<size_t>(state.range(0));
    void *block = std::malloc(size);
    for (auto _ : state) {
        void *same = std::realloc(block, size);
        use(same, state);
        block = same;
    }
    std::free(block);
    state.SetItemsProcessed(state.iterations());
}

// Allocates by make(alignment, size) and gives back by drop(block, alignment, size).
template <class Make, class Drop>
void pairs_of(benchmark::State &state, size_t alignment, size_t size, Make make, Drop drop)
{
    for (auto _ : state) {
        void *block = make(alignment, size);
        use(block, state);
        drop(block, alignment, size);
    }
    state.SetItemsProcessed(state.iterations());
}

// The row's parameter is the size.
template <class Make, class Drop> void pairs(benchmark::State &state, Make make, Drop drop)
{
    pairs_of(state, alignof(max_align_t), static_cast<size_t>(state.range(0)), make, drop);
}

// The row's parameters are the alignment and the size.
template <class Make, class Drop> void aligned_pairs(benchmark::State &state, Make make, Drop drop)
{
    pairs_of(state, static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1)), make,
             drop);
}

void drop_free(void *block, size_t, size_t)
{
    std::free(block);
}

void BM_reallocarray(benchmark::State &state)
{
    pairs(
        state, [](size_t, size_t size) { return reallocarray(nullptr, size / 8, 8); }, drop_free);
}

void BM_posix_memalign(benchmark::State &state)
{
    aligned_pairs(
        state,
        [](size_t alignment, size_t size) {
            void *block = nullptr;
            return posix_memalign(&block, alignment, size) == 0 ? block : nullptr;
        },
        drop_free);
}

void BM_aligned_alloc(benchmark::State &state)
{
    aligned_pairs(
        state, [](size_t alignment, size_t size) { return aligned_alloc(alignment, size); },
        drop_free);
}

void BM_memalign(benchmark::State &state)
{
    aligned_pairs(
        state, [](size_t alignment, size_t size) { return memalign(alignment, size); }, drop_free);
}

void BM_valloc(benchmark::State &state)
{
    pairs(
        state, [](size_t, size_t size) { return valloc(size); }, drop_free);
}

void BM_pvalloc(benchmark::State &state)
{
    pairs(
        state, [](size_t, size_t size) { return pvalloc(size); }, drop_free);
}

void BM_malloc_usable_size(benchmark::State &state)
{
    void *block = std::malloc(static_cast<size_t>(state.range(0)));
    for (auto _ : state) {
        benchmark::DoNotOptimize(malloc_usable_size(block));
        benchmark::ClobberMemory();
    }
    std::free(block);
    state.SetItemsProcessed(state.iterations());
}

// C23's entry points, which the C library of today lacks; an allocator may export them.
template <class Door> Door door(const char *name, benchmark::State &state)
{
    void *address = dlsym(RTLD_DEFAULT, name);
    Door found = nullptr;
    std::memcpy(&found, &address, sizeof found);
    if (found == nullptr) {
        state.SkipWithError((std::string("no loaded library exports ") + name).c_str());
    }
    return found;
}

void BM_free_sized(benchmark::State &state)
{
    const auto release = door<void (*)(void *, size_t)>("free_sized", state);
    pairs(
        state, [](size_t, size_t size) { return std::malloc(size); },
        [release](void *block, size_t, size_t size) { release(block, size); });
}

void BM_free_aligned_sized(benchmark::State &state)
{
    const auto release = door<void (*)(void *, size_t, size_t)>("free_aligned_sized", state);
    aligned_pairs(
        state, [](size_t alignment, size_t size) { return aligned_alloc(alignment, size); },
        [release](void *block, size_t alignment, size_t size) { release(block, alignment, size); });
}

// The operators are called as functions: a new expression and its delete may be merged away.

void BM_new(benchmark::State &state)
{
    pairs(
        state, [](size_t, size_t size) { return ::operator new(size); },
        [](void *block, size_t, size_t) { ::operator delete(block); });
}

void BM_new_sized(benchmark::State &state)
{
    pairs(
        state, [](size_t, size_t size) { return ::operator new(size); },
        [](void *block, size_t, size_t size) { ::operator delete(block, size); });
}

void BM_new_nothrow(benchmark::State &state)
{
    pairs(
        state, [](size_t, size_t size) { return ::operator new(size, std::nothrow); },
        [](void *block, size_t, size_t) { ::operator delete(block, std::nothrow); });
}

void BM_new_aligned(benchmark::State &state)
{
    aligned_pairs(
        state,
        [](size_t alignment, size_t size) {
            return ::operator new(size, std::align_val_t(alignment));
        },
        [](void *block, size_t alignment, size_t) {
            ::operator delete(block, std::align_val_t(alignment));
        });
}

void BM_new_aligned_sized(benchmark::State &state)
{
    aligned_pairs(
        state,
        [](size_t alignment, size_t size) {
            return ::operator new(size, std::align_val_t(alignment));
        },
        [](void *block, size_t alignment, size_t size) {
            ::operator delete(block, size, std::align_val_t(alignment));
        });
}

void BM_new_aligned_nothrow(benchmark::State &state)
{
    aligned_pairs(
        state,
        [](size_t alignment, size_t size) {
            return ::operator new(size, std::align_val_t(alignment), std::nothrow);
        },
        [](void *block, size_t alignment, size_t) {
            ::operator delete(block, std::align_val_t(alignment), std::nothrow);
        });
}

void BM_new_array(benchmark::State &state)
{
    pairs(
        state, [](size_t, size_t size) { return ::operator new[](size); },
        [](void *block, size_t, size_t) { ::operator delete[](block); });
}

void BM_new_array_sized(benchmark::State &state)
{
    pairs(
        state, [](size_t, size_t size) { return ::operator new[](size); },
        [](void *block, size_t, size_t size) { ::operator delete[](block, size); });
}

void BM_new_array_nothrow(benchmark::State &state)
{
    pairs(
        state, [](size_t, size_t size) { return ::operator new[](size, std::nothrow); },
        [](void *block, size_t, size_t) { ::operator delete[](block, std::nothrow); });
}

void BM_new_array_aligned(benchmark::State &state)
{
    aligned_pairs(
        state,
        [](size_t alignment, size_t size) {
            return ::operator new[](size, std::align_val_t(alignment));
        },
        [](void *block, size_t alignment, size_t) {
            ::operator delete[](block, std::align_val_t(alignment));
        });
}

void BM_new_array_aligned_sized(benchmark::State &state)
{
    aligned_pairs(
        state,
        [](size_t alignment, size_t size) {
            return ::operator new[](size, std::align_val_t(alignment));
        },
        [](void *block, size_t alignment, size_t size) {
            ::operator delete[](block, size, std::align_val_t(alignment));
        });
}

void BM_new_array_aligned_nothrow(benchmark::State &state)
{
    aligned_pairs(
        state,
        [](size_t alignment, size_t size) {
            return ::operator new[](size, std::align_val_t(alignment), std::nothrow);
        },
        [](void *block, size_t alignment, size_t) {
            ::operator delete[](block, std::align_val_t(alignment), std::nothrow);
        });
}

using Benchmark = benchmark::internal::Benchmark;

void sizes(Benchmark *benchmark)
{
    benchmark->RangeMultiplier(2)->Range(8, 64 << 10);
}

void few_sizes(Benchmark *benchmark)
{
    benchmark->Arg(64)->Arg(1024)->Arg(16384);
}

void alignments(Benchmark *benchmark)
{
    benchmark->ArgsProduct({{64, 4096}, {64, 1024, 16384}});
}

void in_threads(Benchmark *benchmark)
{
    few_sizes(benchmark);
    benchmark->Threads(2)->Threads(4)->UseRealTime();
}

// A benchmark, and what it calls in each iteration: C's by their names, C++'s by their symbols.
struct Family {
    const char *name;
    void (*function)(benchmark::State &);
    void (*shape)(Benchmark *);
    std::vector<const char *> calls;
};

const std::vector<Family> families = {
    {"BM_malloc_free", BM_malloc_free, sizes, {"malloc", "free"}},
    {"BM_malloc_free_mt", BM_malloc_free, in_threads, {"malloc", "free"}},
    {"BM_stack",
     BM_stack,
     [](Benchmark *b) {
         b->ArgsProduct({{64, 1024}, {10, 1000, 10000}});
     },
     {"malloc", "free"}},
    {"BM_calloc",
     BM_calloc,
     [](Benchmark *b) { b->Arg(64)->Arg(1024)->Arg(65536)->Arg(1 << 20); },
     {"calloc", "free"}},
    {"BM_calloc_mt", BM_calloc, in_threads, {"calloc", "free"}},
    {"BM_realloc_growth",
     BM_realloc_growth,
     [](Benchmark *b) { b->Arg(1024)->Arg(65536)->Arg(1 << 20)->Arg(16 << 20); },
     {"realloc", "free"}},
    {"BM_realloc_grow", BM_realloc_grow, sizes, {"malloc", "realloc", "free"}},
    {"BM_realloc_shrink", BM_realloc_shrink, sizes, {"malloc", "realloc", "free"}},
    {"BM_realloc_same", BM_realloc_same, sizes, {"realloc"}},
    {"BM_reallocarray", BM_reallocarray, few_sizes, {"reallocarray", "free"}},
    {"BM_posix_memalign", BM_posix_memalign, alignments, {"posix_memalign", "free"}},
    {"BM_aligned_alloc", BM_aligned_alloc, alignments, {"aligned_alloc", "free"}},
    {"BM_memalign", BM_memalign, alignments, {"memalign", "free"}},
    {"BM_valloc", BM_valloc, few_sizes, {"valloc", "free"}},
    {"BM_pvalloc", BM_pvalloc, few_sizes, {"pvalloc", "free"}},
    {"BM_malloc_usable_size", BM_malloc_usable_size, few_sizes, {"malloc_usable_size"}},
    {"BM_free_sized", BM_free_sized, few_sizes, {"malloc", "free_sized"}},
    {"BM_free_aligned_sized",
     BM_free_aligned_sized,
     alignments,
     {"aligned_alloc", "free_aligned_sized"}},
    {"BM_new", BM_new, sizes, {"_Znwm", "_ZdlPv"}},
    {"BM_new_mt", BM_new, in_threads, {"_Znwm", "_ZdlPv"}},
    {"BM_new_sized", BM_new_sized, few_sizes, {"_Znwm", "_ZdlPvm"}},
    {"BM_new_nothrow", BM_new_nothrow, few_sizes, {"_ZnwmRKSt9nothrow_t", "_ZdlPvRKSt9nothrow_t"}},
    {"BM_new_aligned",
     BM_new_aligned,
     alignments,
     {"_ZnwmSt11align_val_t", "_ZdlPvSt11align_val_t"}},
    {"BM_new_aligned_sized",
     BM_new_aligned_sized,
     alignments,
     {"_ZnwmSt11align_val_t", "_ZdlPvmSt11align_val_t"}},
    {"BM_new_aligned_nothrow",
     BM_new_aligned_nothrow,
     alignments,
     {"_ZnwmSt11align_val_tRKSt9nothrow_t", "_ZdlPvSt11align_val_tRKSt9nothrow_t"}},
    {"BM_new_array", BM_new_array, few_sizes, {"_Znam", "_ZdaPv"}},
    {"BM_new_array_sized", BM_new_array_sized, few_sizes, {"_Znam", "_ZdaPvm"}},
    {"BM_new_array_nothrow",
     BM_new_array_nothrow,
     few_sizes,
     {"_ZnamRKSt9nothrow_t", "_ZdaPvRKSt9nothrow_t"}},
    {"BM_new_array_aligned",
     BM_new_array_aligned,
     alignments,
     {"_ZnamSt11align_val_t", "_ZdaPvSt11align_val_t"}},
    {"BM_new_array_aligned_sized",
     BM_new_array_aligned_sized,
     alignments,
     {"_ZnamSt11align_val_t", "_ZdaPvmSt11align_val_t"}},
    {"BM_new_array_aligned_nothrow",
     BM_new_array_aligned_nothrow,
     alignments,
     {"_ZnamSt11align_val_tRKSt9nothrow_t", "_ZdaPvSt11align_val_tRKSt9nothrow_t"}},
};

// iterations is 0 for Google Benchmark's own choice.
void register_all(int64_t iterations)
{
    for (const Family &family : families) {
        auto *benchmark = benchmark::RegisterBenchmark(family.name, family.function);
        family.shape(benchmark);
        if (iterations > 0) {
            benchmark->Iterations(iterations);
        }
    }
}

void print_list(const char *key, const std::vector<const char *> &names)
{
    std::printf("\"%s\":[", key);
    for (size_t i = 0; i < names.size(); i++) {
        std::printf("%s\"%s\"", i > 0 ? "," : "", names[i]);
    }
    std::printf("]");
}

// One JSON line. entry_points is what the allocator has to define itself; operators that it leaves
// alone are libstdc++'s, which call malloc and free.
void describe(const Family &family)
{
    std::vector<const char *> entry_points;
    for (const char *call : family.calls) {
        if (call[0] != '_') {
            entry_points.push_back(call);
        }
    }
    if (entry_points.size() < family.calls.size()) {
        entry_points = {"malloc", "free"};
    }
    std::printf("{\"name\":\"%s\",", family.name);
    print_list("entry_points", entry_points);
    std::printf(",");
    print_list("calls", family.calls);
    std::printf("}\n");
}

// The process's own peak of resident memory, read without stdio, whose buffer the allocator would
// make; getrusage would inherit the parent's. Returns false when /proc does not tell.
bool vmhwm_kib(long &kib)
{
    char status[8192];
    const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const ssize_t len = read(fd, status, sizeof status - 1);
    close(fd);
    status[len < 0 ? 0 : len] = '\0';
    const char *at = std::strstr(status, "VmHWM:");
    return at != nullptr && std::sscanf(at, "VmHWM: %ld", &kib) == 1;
}

[[noreturn]] void usage(const std::string &what)
{
    std::fprintf(stderr, "ashlar-micro: %s\n", what.c_str());
    std::exit(2);
}

// Takes --iterations=N out of the arguments; 0 when it is not there.
int64_t take_iterations(std::vector<char *> &args)
{
    const std::string prefix = "--iterations=";
    int64_t iterations = 0;
    for (size_t i = 1; i < args.size(); i++) {
        const std::string arg = args[i];
        if (arg.compare(0, prefix.size(), prefix) != 0) {
            continue;
        }
        const std::string number = arg.substr(prefix.size());
        if (number.empty() || number.size() > 12 ||
            number.find_first_not_of("0123456789") != std::string::npos ||
            std::stoll(number) == 0) {
            usage("--iterations '" + number + "' is not a whole number above 0; give digits only");
        }
        iterations = std::stoll(number);
        args.erase(args.begin() + static_cast<std::ptrdiff_t>(i--));
    }
    return iterations;
}

// --describe: all families; --describe=ROW: the row's own. Returns false when it was not asked for.
bool described(int argc, char **argv)
{
    const std::string flag = "--describe";
    if (argc < 2 || std::strncmp(argv[1], flag.c_str(), flag.size()) != 0) {
        return false;
    }
    const std::string wanted = argv[1][flag.size()] == '=' ? argv[1] + flag.size() + 1 : "";
    bool found = false;
    for (const Family &family : families) {
        if (wanted.empty() || wanted.substr(0, wanted.find('/')) == family.name) {
            describe(family);
            found = true;
        }
    }
    if (!found) {
        usage("no benchmark is called '" + wanted + "'; --describe lists all");
    }
    return true;
}

} // namespace

int main(int argc, char **argv)
{
    if (described(argc, argv)) {
        return 0;
    }
    std::vector<char *> args(argv, argv + argc);
    const int64_t iterations = take_iterations(args);
    // A process of one benchmark should take a third of a second; a flag of the user's comes later
    // and wins.
    static char min_time[] = "--benchmark_min_time=0.15";
    args.insert(args.begin() + 1, min_time);
    int nargs = static_cast<int>(args.size());
    benchmark::Initialize(&nargs, args.data());
    if (nargs > 1) {
        usage("unknown argument '" + std::string(args[1]) +
              "'; --help lists Google Benchmark's flags");
    }
    register_all(iterations);
    if (benchmark::RunSpecifiedBenchmarks() == 0) {
        usage("no benchmark has such a name; --benchmark_list_tests names all");
    }
    benchmark::Shutdown();
    long kib = 0;
    if (!vmhwm_kib(kib)) {
        std::fprintf(stderr,
                     "ashlar-micro: cannot read VmHWM from /proc/self/status; mount /proc\n");
        return 1;
    }
    std::fprintf(stderr, "vmhwm_kib %ld\n", kib);
    return 0;
}
