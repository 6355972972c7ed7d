# Bad input: one line that names it and the remedy, the right exit code, and nothing written.

bats_require_minimum_version 1.5.0
load common

nothing_written() {
    [[ ! -e res ]] || fail "res was made: $(ls -R res)"
}

@test "an unknown suite names the known ones" {
    run -2 --separate-stderr ashlar run --suite nosuch --results res
    known=$(basename -a -s .ini "$ASHLAR_BUILD"/suites/*.ini | paste -sd, | sed 's/,/, /g')
    [[ $known == *quick* ]]
    assert_line_on_stderr "unknown suite 'nosuch'; use one of $known, or a FILE.ini"
    nothing_written
}

@test "an unknown workload is named with the bench's own words" {
    run -2 --separate-stderr ashlar run --workload "nosuch --ops 5" --allocators glibc --bench "$fake" \
        --results res
    assert_line_on_stderr "unknown workload 'nosuch'; choose one of toy, paged"
    nothing_written
}

@test "an unknown option of a workload is named too" {
    run -2 --separate-stderr ashlar run --workload "toy --colour --ops 5" --allocators glibc \
        --bench "$fake" --results res
    assert_line_on_stderr "unknown option '--colour'"
    nothing_written
}

@test "a workload of the real bench, unknown and misspelt" {
    run -2 --separate-stderr ashlar run --workload "larsen --ops 5" --allocators glibc --results res
    assert_line_on_stderr "unknown workload 'larsen'; choose one of fastpath"
    nothing_written
}

@test "an unknown benchmark of ashlar-micro" {
    printf '[cell x]\nmicro = BM_nosuch/64\nargs = --ops 10\n' >bad.ini
    run -2 --separate-stderr ashlar run --suite ./bad.ini --allocators glibc --results res
    assert_line_on_stderr "unknown benchmark 'BM_nosuch/64'"
    nothing_written
}

# suite LINE...: the toy suite with these lines behind it
suite() {
    printf '%s\n' "$@" >>toy.ini
    want=2 toy run plain
    nothing_written
}

@test "mistakes in a suite's file" {
    suite 'colour = red'
    assert_line_on_stderr "toy.ini: [cell toy] colour: unknown key"
}

@test "a suite's cell without an amount of work" {
    suite '[cell b]' 'workload = toy'
    assert_line_on_stderr "[cell b] states no amount of work; add --ops N"
}

@test "a suite's cell twice" {
    suite '[cell toy]' 'workload = toy'
    assert_line_on_stderr "[cell toy] workload: is set twice"
}

@test "three primary cells of one workload" {
    suite '[cell b]' 'workload = toy' 'args = --ops 5' 'primary = yes' \
        '[cell c]' 'workload = toy' 'args = --ops 5' 'primary = yes'
    assert_line_on_stderr "workload toy has 3 primary cells; keep at most two"
}

@test "a line that is no INI" {
    suite 'hello'
    assert_line_on_stderr "toy.ini:9: neither [section] nor key = value"
}

@test "an unknown allocator names the known ones" {
    want=2 toy run "plain nosuch"
    assert_line_on_stderr "unknown allocator 'nosuch'; use one of plain, glibc, ashlar, jemalloc"
    nothing_written
}

@test "an allocator named twice" {
    want=2 toy run "plain plain"
    assert_line_on_stderr "allocator plain is named twice; write plain2=plain"
    nothing_written
}

@test "compare with one allocator" {
    want=2 toy compare plain
    assert_line_on_stderr "only plain is named; name a second allocator"
    nothing_written
}

@test "a missing library is exit 4" {
    want=4 toy run "plain x=/nowhere/lib.so"
    assert_line_on_stderr "allocator x: no library at /nowhere/lib.so; correct the path"
    nothing_written
}

@test "an installed allocator that is not installed tells the package" {
    mkdir bin
    printf '#!/bin/sh\necho none\n' >bin/ldconfig
    chmod +x bin/ldconfig
    PATH=$PWD/bin:$PATH want=4 toy run "plain jemalloc"
    assert_line_on_stderr "allocator jemalloc is missing: libjemalloc.so.* is not in the dynamic linker's cache; install it with apt-get install libjemalloc2"
    nothing_written
}

@test "a file that is no library" {
    want=4 toy run "plain x=$PWD/toy.ini"
    assert_line_on_stderr "is not a shared library; give a .so file"
    nothing_written
}

@test "a library that does not interpose" {
    want=4 toy run "plain x=$ASHLAR_BUILD/harness/test/preload_none.so"
    assert_line_on_stderr "does not interpose: malloc is resolved by"
    nothing_written
}

@test "a library that interposes malloc and free alone" {
    want=4 toy run "plain x=$ASHLAR_BUILD/harness/test/preload_partial.so"
    assert_line_on_stderr "does not interpose: calloc is resolved by"
    nothing_written
}

@test "a library whose calloc does not clear" {
    want=4 toy run "plain x=$ASHLAR_BUILD/harness/test/preload_liar.so"
    assert_line_on_stderr "calloc gave memory that is not zero"
    nothing_written
}

@test "a library that crashes on plain calls" {
    want=4 toy run "plain x=$ASHLAR_BUILD/harness/test/preload_crash.so"
    assert_line_on_stderr "end in signal 6"
    nothing_written
}

@test "a registry with an unknown key" {
    echo 'colour = red' >>registry.ini
    want=2 toy run plain
    assert_line_on_stderr "registry.ini: [plain] has an unknown key; use path, soname, env or reference"
    nothing_written
}

@test "results that cannot be written" {
    echo >file
    run -2 --separate-stderr ashlar run --suite "$PWD/toy.ini" --registry registry.ini --bench "$fake" \
        --allocators plain --results file/res
    assert_line_on_stderr "cannot write results to file/res (Not a directory); give another place with --results"
    run -2 --separate-stderr ashlar run --suite "$PWD/toy.ini" --registry registry.ini --bench "$fake" \
        --allocators plain --results /proc/res
    assert_line_on_stderr "cannot write results to /proc/res"
}

@test "a report of nothing, and of an incomplete run" {
    run -2 --separate-stderr ashlar report
    assert_line_on_stderr "results/latest: no run there"
    toy run plain
    sed -i '$d' res/latest/samples.jsonl
    run -2 --separate-stderr ashlar report res/latest
    assert_line_on_stderr "the run is not complete; finish it with \`ashlar run --resume res/latest\`"
    [[ ! -e res/latest/report.html ]]
}
