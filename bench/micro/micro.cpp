// micro.cpp: ashlar-micro, single operations under Google Benchmark.
//
// The operations are the C library's own doors, so the allocator that the dynamic linker finds is the
// one measured. The report, its flags and its JSON are Google Benchmark's; a preload is compared with
// another by its compare.py. A benchmark is one function and one line at the end of this file.
//
//     BM_malloc_free/64            one block of 64 bytes, allocated and freed
//     BM_malloc_free_mt/64/...     the same in several threads at once
//     BM_stack/64/1000             1000 blocks of 64 bytes, freed in the reverse order
//     BM_calloc/1024               one zeroed block, allocated and freed
//     BM_realloc_growth/1048576    one block from 16 bytes upwards by half, to 1 MiB
//     BM_posix_memalign/64/1024    one block of 1024 bytes at a multiple of 64
//
// A round of Google Benchmark has a fixed time, not fixed work; --iterations=N fixes the work instead,
// where instructions are to be counted, and appends /iterations:N to the names.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

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

void BM_malloc_free_mt(benchmark::State &state) { BM_malloc_free(state); }

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

void BM_posix_memalign(benchmark::State &state)
{
    const auto alignment = static_cast<size_t>(state.range(0));
    const auto size = static_cast<size_t>(state.range(1));
    for (auto _ : state) {
        void *block = nullptr;
        if (posix_memalign(&block, alignment, size) != 0) {
            state.SkipWithError("posix_memalign failed");
            break;
        }
        use(block, state);
        std::free(block);
    }
    state.SetItemsProcessed(state.iterations());
}

using Shape = void (*)(benchmark::internal::Benchmark *);

// Registers a benchmark; iterations is 0 for Google Benchmark's own choice.
void add(const char *name, void (*function)(benchmark::State &), Shape shape, int64_t iterations)
{
    auto *benchmark = benchmark::RegisterBenchmark(name, function);
    shape(benchmark);
    if (iterations > 0) {
        benchmark->Iterations(iterations);
    }
}

void sizes_8_to_64k(benchmark::internal::Benchmark *benchmark)
{
    benchmark->RangeMultiplier(2)->Range(8, 64 << 10);
}

void sizes_in_threads(benchmark::internal::Benchmark *benchmark)
{
    for (const int64_t size : {64, 1024, 16384}) {
        benchmark->Arg(size);
    }
    benchmark->Threads(2)->Threads(4)->UseRealTime();
}

void register_all(int64_t iterations)
{
    add("BM_malloc_free", BM_malloc_free, sizes_8_to_64k, iterations);
    add("BM_malloc_free_mt", BM_malloc_free_mt, sizes_in_threads, iterations);
    add("BM_stack", BM_stack, [](auto *b) { b->ArgsProduct({{64, 1024}, {10, 1000, 10000}}); },
        iterations);
    add("BM_calloc", BM_calloc, [](auto *b) { b->Arg(64)->Arg(1024)->Arg(65536)->Arg(1 << 20); },
        iterations);
    add("BM_realloc_growth", BM_realloc_growth,
        [](auto *b) { b->Arg(1024)->Arg(65536)->Arg(1 << 20)->Arg(16 << 20); }, iterations);
    add("BM_posix_memalign", BM_posix_memalign,
        [](auto *b) { b->ArgsProduct({{64, 4096}, {64, 1024, 16384}}); }, iterations);
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
            number.find_first_not_of("0123456789") != std::string::npos || std::stoll(number) == 0) {
            usage("--iterations '" + number + "' is not a whole number above 0; give digits only");
        }
        iterations = std::stoll(number);
        args.erase(args.begin() + static_cast<std::ptrdiff_t>(i--));
    }
    return iterations;
}

} // namespace

int main(int argc, char **argv)
{
    std::vector<char *> args(argv, argv + argc);
    const int64_t iterations = take_iterations(args);
    // A process of one benchmark should take a third of a second; a flag of the user's comes later
    // and wins.
    static char min_time[] = "--benchmark_min_time=0.15";
    args.insert(args.begin() + 1, min_time);
    int nargs = static_cast<int>(args.size());
    benchmark::Initialize(&nargs, args.data());
    if (nargs > 1) {
        usage("unknown argument '" + std::string(args[1]) + "'; --help lists Google Benchmark's flags");
    }
    register_all(iterations);
    if (benchmark::RunSpecifiedBenchmarks() == 0) {
        usage("no benchmark has such a name; --benchmark_list_tests names all");
    }
    benchmark::Shutdown();
    long kib = 0;
    if (!vmhwm_kib(kib)) {
        std::fprintf(stderr, "ashlar-micro: cannot read VmHWM from /proc/self/status; mount /proc\n");
        return 1;
    }
    std::fprintf(stderr, "vmhwm_kib %ld\n", kib);
    return 0;
}
