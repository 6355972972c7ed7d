// program.cpp: operators new and delete, containers and exceptions on an installed Ashlar.
#include <ashlar/ashlar.h>

#include <cstdio>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

static uint64_t mallocs()
{
    ashlar_stats stats;
    ashlar_stats_get(&stats);
    return stats.mallocs;
}

struct alignas(128) Line {
    char bytes[128];
};

int main()
{
    uint64_t before = mallocs();
    std::map<int, std::string> names;
    for (int i = 0; i < 1000; i++) {
        names[i] = std::string(100, static_cast<char>('a' + i % 26));
    }
    std::vector<std::unique_ptr<Line>> lines;
    bool aligned = true;
    for (int i = 0; i < 100; i++) {
        lines.push_back(std::make_unique<Line>());
        aligned = aligned && reinterpret_cast<uintptr_t>(lines.back().get()) % 128 == 0;
    }
    bool thrown = false;
    volatile size_t too_much = PTRDIFF_MAX;
    try {
        delete[] new char[too_much];
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    bool served = mallocs() - before >= 2100; // a node and a text each, a line each
    std::printf("%s, %s, %s\n", served ? "served" : "not served", aligned ? "aligned" : "not aligned",
                thrown ? "thrown" : "not thrown");
    return !(served && aligned && thrown);
}
