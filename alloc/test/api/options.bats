#!/usr/bin/env bats
# Options of ASHLAR_CONF, each by what it changes (probe tells from inside), and what is said about
# options that do not exist.

setup() {
    load /usr/lib/bats/bats-support/load.bash
    load /usr/lib/bats/bats-assert/load.bash
    build="${ASHLAR_BUILD:-$BATS_TEST_DIRNAME/../../../build}"
    probe="$build/test/api/probe"
}

# value CONF WHAT NAME: what the probe says about NAME under these options.
value() {
    ASHLAR_CONF="$1" "$probe" "$2" | sed -n "s/^$3 //p"
}

@test "narenas:1 puts every thread into one arena, narenas:3 into three at most" {
    [ "$(value narenas:1 arenas narenas)" -eq 1 ]
    [ "$(value narenas:3 arenas narenas)" -eq 3 ]
    [ "$(value narenas:6 arenas narenas)" -eq 6 ]
}

@test "percpu_arena:percpu has an arena a CPU at most, phycpu half of them" {
    cpus=$(awk '/^Cpus_allowed_list/ { n = split($2, part, /[-,]/); print part[n] + 1 }' /proc/self/status)
    n="$(value percpu_arena:percpu,narenas:1000 arenas narenas)"
    [ "$n" -ge 1 ] && [ "$n" -le "$cpus" ]
    n="$(value percpu_arena:phycpu,narenas:1000 arenas narenas)"
    [ "$n" -ge 1 ] && [ "$n" -le $(((cpus + 1) / 2)) ]
}

@test "purge:ratio keeps dirty what lg_dirty_mult allows" {
    [ "$(value purge:ratio,lg_dirty_mult:-1 dirty dirty_bytes)" -gt 0 ]
    kept="$(value purge:ratio,lg_dirty_mult:63 dirty dirty_bytes)"
    [ "$kept" -le $((8 << 20)) ] # a chunk of pages, and a chunk
}

@test "tcache:false caches nothing, the default does" {
    [ "$(value tcache:false cached cached_bytes)" -eq 0 ]
    [ "$(value tcache:true cached cached_bytes)" -ge 6400 ]
}

@test "lg_tcache_max bounds the blocks that are cached" {
    [ "$(value lg_tcache_max:15 cached_large cached_bytes)" -eq 0 ]
    [ "$(value lg_tcache_max:20 cached_large cached_bytes)" -ge 100000 ]
}

@test "dirty_decay_ms:0 gives freed pages back at once, -1 never, 100 soon" {
    [ "$(value dirty_decay_ms:0 dirty dirty_bytes)" -eq 0 ]
    [ "$(value dirty_decay_ms:-1 dirty dirty_bytes)" -gt 0 ]
    [ "$(value dirty_decay_ms:-1 dirty dirty_bytes_later)" -gt 0 ]
    [ "$(value dirty_decay_ms:100000 dirty dirty_bytes_later)" -gt 0 ]
    early="$(value dirty_decay_ms:100 dirty dirty_bytes)"
    later="$(value dirty_decay_ms:100 dirty dirty_bytes_later)"
    [ "$early" -gt 0 ]
    [ "$later" -lt "$early" ]
}

@test "zero_realloc: free gives NULL and takes the block, alloc gives a block, abort stops" {
    [ "$(value zero_realloc:free zero_realloc null)" -eq 1 ]
    [ "$(value zero_realloc:free zero_realloc given_back)" -ge 5000 ]
    [ "$(value zero_realloc:alloc zero_realloc null)" -eq 0 ]
    [ "$(value zero_realloc:alloc zero_realloc usable)" -gt 0 ]
    ASHLAR_CONF=zero_realloc:abort run "$probe" zero_realloc
    assert_equal "$status" 134
    assert_output --regexp '^ashlar: .*realloc.*zero_realloc'
}

@test "xmalloc:true aborts with one line where malloc would return NULL" {
    [ "$(value xmalloc:false out_of_memory null)" -eq 1 ]
    [ "$(value xmalloc:false out_of_memory errno_is_enomem)" -eq 1 ]
    ASHLAR_CONF=xmalloc:true run "$probe" out_of_memory
    assert_equal "$status" 134
    assert_output --regexp '^ashlar: [^
]*memory[^
]*$'
}

@test "prof:true samples, about as often as lg_prof_sample says" {
    [ "$(value prof:false sampled samples_total)" -eq 0 ]
    # 20,000 blocks of 1000 bytes at one sample in 65,536 bytes: 305 expected, deviation 17.
    samples="$(value prof:true,lg_prof_sample:16 sampled samples_total)"
    [ "$samples" -gt 200 ]
    [ "$samples" -lt 410 ]
}

# 18 blocks of each kind are looked at: six sizes, three rounds.
@test "zero:true makes every new block read as zero, the default does not" {
    [ "$(value zero:true fill zero)" -eq 18 ]
    [ "$(value zero:true fill grown_zero)" -eq 18 ]
    [ "$(value zero:true fill freed)" -eq 0 ]
    [ "$(value zero:false fill zero)" -lt 18 ]
    [ "$(value zero:false fill calloc_zero)" -eq 18 ]
    [ "$(value zero:true,junk:true fill zero)" -eq 18 ]
}

@test "junk fills new blocks, freed ones, both or none" {
    for word in false true alloc free; do
        [[ $word == true || $word == alloc ]] && new=18 || new=0
        [[ $word == true || $word == free ]] && freed=1 || freed=0
        [ "$(value "junk:$word" fill junk)" -eq "$new" ]
        [ "$(value "junk:$word" fill grown_junk)" -eq "$new" ]
        [ "$(value "junk:$word" fill calloc_zero)" -eq 18 ]
        # What was given back to the system at once reads as zero instead.
        [ "$(value "junk:$word,dirty_decay_ms:-1" fill freed)" -eq $((18 * freed)) ]
    done
}

@test "junk and zero work without caches, and for sampled blocks" {
    for conf in tcache:false prof:true,lg_prof_sample:10; do
        [ "$(value "junk:true,$conf" fill junk)" -eq 18 ]
        [ "$(value "junk:true,$conf" fill calloc_zero)" -eq 18 ]
        [ "$(value "zero:true,$conf" fill zero)" -eq 18 ]
    done
}

@test "retain:false unmaps what is free, the default keeps it" {
    [ "$(value retain:true retain mapped_mib)" -ge 400 ]
    [ "$(value retain:false retain mapped_mib)" -lt 200 ]
}

@test "purge:ratio keeps a share of what is in use dirty, whatever its age" {
    # 41 chunks are in use: an eighth of them are 20 MiB, a half 80, and 3 MiB lie in one of them.
    [ "$(value purge:ratio,lg_dirty_mult:3 ratio dirty_mib)" -le 24 ]
    [ "$(value purge:ratio,lg_dirty_mult:3,dirty_decay_ms:0 ratio dirty_mib)" -ge 4 ]
    [ "$(value purge:ratio,lg_dirty_mult:-1 ratio dirty_mib)" -ge 100 ]
    half="$(value purge:ratio,lg_dirty_mult:1 ratio dirty_mib)"
    [ "$half" -gt 30 ]
    [ "$half" -le 84 ]
    [ "$(value purge:decay,dirty_decay_ms:0,lg_dirty_mult:-1 ratio dirty_mib)" -eq 0 ]
}

@test "decay_time is dirty_decay_ms in seconds, and the later one wins" {
    [ "$(value decay_time:0 dirty dirty_bytes)" -eq 0 ]
    [ "$(value decay_time:-1 dirty dirty_bytes_later)" -gt 0 ]
    [ "$(value dirty_decay_ms:0,decay_time:100 dirty dirty_bytes_later)" -gt 0 ]
    [ "$(value decay_time:100,dirty_decay_ms:0 dirty dirty_bytes)" -eq 0 ]
}

@test "mallctl tells the options as they are in force" {
    conf=junk:free,zero:true,purge:ratio,lg_dirty_mult:5,decay_time:3,narenas:7,tcache:false
    conf+=,lg_tcache_max:17,thp:always,zero_realloc:alloc,abort:true,xmalloc:true,retain:false
    conf+=,stats_print_opts:Jg
    ASHLAR_CONF="$conf" PROBE_NAMES='opt.junk opt.zero opt.purge opt.lg_dirty_mult opt.dirty_decay_ms opt.decay_time opt.narenas opt.tcache opt.lg_tcache_max arenas.tcache_max opt.thp opt.zero_realloc opt.abort opt.xmalloc
        opt.retain opt.stats_print opt.stats_print_opts opt.confirm_conf opt.abort_conf' run "$probe" names
    assert_success
    assert_output 'opt.junk free
opt.zero 1
opt.purge ratio
opt.lg_dirty_mult 5
opt.dirty_decay_ms 3000
opt.decay_time 3
opt.narenas 7
opt.tcache 0
opt.lg_tcache_max 17
arenas.tcache_max 131072
opt.thp always
opt.zero_realloc alloc
opt.abort 1
opt.xmalloc 1
opt.retain 0
opt.stats_print 0
opt.stats_print_opts Jg
opt.confirm_conf 0
opt.abort_conf 0'
}

@test "abort:true makes a bad option fatal" {
    ASHLAR_CONF=abort:true,no_such_option:7 run "$probe" cached
    assert_equal "$status" 134
    assert_line --index 1 'ashlar: abort:true and 1 bad option(s)'
    ASHLAR_CONF=abort:true run "$probe" cached
    assert_success
}

@test "stats_print_opts adds the report to the line at exit" {
    ASHLAR_CONF=stats_print:true,stats_print_opts:g run "$probe" cached
    assert_success
    assert_line --regexp '^ashlar: mallocs='
    assert_line --regexp '^stats.allocated: [0-9]+$'
    ASHLAR_CONF=stats_print:true,stats_print_opts:Ja run "$probe" cached
    tail -n +3 <<<"$output" | jq -e '.ashlar.stats.arenas.merged.nthreads == 1'
    ASHLAR_CONF=stats_print_opts:g run "$probe" cached # chooses the form of what is not asked for
    refute_output --partial 'stats.allocated'
}

@test "stats_print_file takes the figures at exit, also of a program that closes all it knows" {
    file="$BATS_TEST_TMPDIR/figures"
    for _ in 1 2; do
        ASHLAR_CONF="stats_print:true,stats_print_file:$file" run "$probe" cached
        assert_success
        refute_output --partial 'mallocs='
    done
    [ "$(grep -c '^ashlar: mallocs=' "$file")" -eq 2 ]
    ASHLAR_CONF=stats_print:true,stats_print_file:/no/such/place run "$probe" cached
    assert_success
    assert_line --partial 'stats_print_file:/no/such/place cannot be opened'
    assert_line --regexp '^ashlar: mallocs='
}

@test "stats_print:true prints one line of figures at exit" {
    ASHLAR_CONF=stats_print:true run "$probe" cached
    assert_success
    assert_line --regexp '^ashlar: mallocs=[0-9]+ frees=[0-9]+ allocated=[0-9]+'
    run "$probe" cached
    refute_output --partial 'mallocs='
}

@test "confirm_conf:true shows the options as they are" {
    ASHLAR_CONF=narenas:5,confirm_conf:true run "$probe" cached
    assert_success
    assert_line --regexp '^ashlar: .*narenas:5'
}

@test "an unknown option is named in one line and the rest holds" {
    ASHLAR_CONF=no_such_option:7,narenas:1 run "$probe" arenas
    assert_success
    assert_line --index 0 --regexp '^ashlar: .*no_such_option'
    assert_line --index 1 'narenas 1'
    assert_equal "${#lines[@]}" 2
}

@test "a bad value is named in one line and ignored" {
    for pair in narenas:many narenas:-1 narenas:99999999999999999999 tcache:maybe \
        zero_realloc:perhaps dirty_decay_ms: lg_prof_sample:1e3 narenas junk:yes zero:1 purge:age \
        lg_dirty_mult:64 decay_time:-2 retain: stats_print_opts:Jq; do
        ASHLAR_CONF="$pair" run "$probe" cached
        assert_success
        assert_line --index 0 --regexp "^ashlar: .*${pair%%:*}"
        assert_line --index 1 --regexp '^cached_bytes [1-9]'
        assert_equal "${#lines[@]}" 2
    done
}

@test "abort_conf:true makes a bad option fatal" {
    ASHLAR_CONF=abort_conf:true,no_such_option:7 run "$probe" cached
    assert_equal "$status" 134
    assert_output --partial no_such_option
    ASHLAR_CONF=abort_conf:true run "$probe" cached
    assert_success
}

@test "MALLOC_CONF is read too, silently where only other allocators know the key" {
    MALLOC_CONF=narenas:1,muzzy_decay_ms:0,metadata_thp:auto run "$probe" arenas
    assert_success
    assert_output 'narenas 1'
    MALLOC_CONF=narenas:3 ASHLAR_CONF=narenas:1 run "$probe" arenas
    assert_output 'narenas 1'
}

@test "an empty option string, and commas alone, are accepted silently" {
    for conf in '' ',' ',,,narenas:1,'; do
        ASHLAR_CONF="$conf" run "$probe" out_of_memory
        assert_success
        assert_equal "${#lines[@]}" 2
    done
}
