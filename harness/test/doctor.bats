# ashlar doctor: a machine in files. The good one raises no doubt; each test spoils one thing of it.

bats_require_minimum_version 1.5.0
load common

# A good machine below m/, without a hypervisor, and what was measured on it.
machine() {
    cpu=m/sys/devices/system/cpu
    thp=m/sys/kernel/mm/transparent_hugepage
    clock=m/sys/devices/system/clocksource/clocksource0/current_clocksource
    group=m/sys/fs/cgroup
    virtio=m/sys/bus/virtio/devices
    mkdir -p m/proc/sys/kernel m/proc/1 m/proc/self m/etc $cpu/{cpu0/cpufreq,cpu0/topology,cpufreq} \
        $cpu/intel_pstate $thp "${clock%/*}" $group/{user/job,memory/job,cpu/job} $virtio/virtio3 \
        m/sys/bus/event_source/devices/cpu
    echo performance >$cpu/cpu0/cpufreq/scaling_governor
    echo acpi-cpufreq >$cpu/cpu0/cpufreq/scaling_driver
    echo 1200000 | tee $cpu/cpu0/cpufreq/{scaling,cpuinfo}_min_freq >/dev/null
    echo 3600000 | tee $cpu/cpu0/cpufreq/{scaling,cpuinfo}_max_freq >/dev/null
    echo 1 >$cpu/intel_pstate/no_turbo
    echo 0 >$cpu/cpu0/topology/thread_siblings_list
    echo '0.00 0.1 0.1 1/2 3' >m/proc/loadavg
    echo 'cpu  1000 0 0 8000 0 0 0 0' >m/proc/stat
    echo 'always madvise [never]' >$thp/enabled
    echo 'always defer defer+madvise [madvise] never' >$thp/defrag
    echo 2 >m/proc/sys/kernel/randomize_va_space
    echo 2 >m/proc/sys/kernel/perf_event_paranoid
    echo '0::/' >m/proc/1/cgroup
    echo '0::/user/job' >m/proc/self/cgroup
    echo max >$group/user/job/memory.max
    echo 'max 100000' >$group/user/job/cpu.max
    echo tsc >"$clock"
    printf 'MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n' \
        >m/proc/meminfo
    echo 50000 >m/disk_free_mib
    echo 0x0002 >$virtio/virtio3/device
    echo 1111111111 >$virtio/virtio3/features
    processors 8
    jq -n '{timer_step_ns: 20, timer_cost_ns: 25, loop_count: 50, loop_ms: 20, loop_spread: 0.01,
        loop_worst: 0.02, steal_share: 0, two_threads: 1.97, two_threads_min: 1.94,
        two_threads_max: 1.99, page_fresh_ns: 700, page_again_ns: 600, huge_fresh_ns: 120000,
        huge_again_ns: 100000}' >gauges.json
    unset LD_PRELOAD ASAN_OPTIONS LSAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS MSAN_OPTIONS
}

# processors COUNT [FLAG]
processors() {
    for ((i = 0; i < $1; i++)); do
        printf 'processor\t: %d\nflags\t\t: fpu %s\n' "$i" "${2-}"
    done >m/proc/cpuinfo
}

gauge() {
    jq "$1" gauges.json >changed.json && mv changed.json gauges.json
}

# The ids of the warnings of that machine, in order, on one line; "failed" is no id.
ids() {
    { ashlar doctor --json --root m "$@" || echo '{"warnings": [{"id": "failed"}]}'; } |
        jq -rs '.[-1].warnings | map(.id) | join(" ")'
}

# spoiled IDS: exactly these, and nothing else, are found.
spoiled() {
    assert_equal "$(ids)" "$1"
}

measured() {
    assert_equal "$(ids --gauges gauges.json)" "$1"
}

@test "doctor has nothing against a good machine, looked at or measured" {
    machine
    spoiled ""
    measured ""
    run -0 ashlar doctor --root m
    assert_output --partial "nothing that would make figures doubtful"
}

@test "doctor finds load above a quarter of the processors" {
    machine
    echo '2.00 0 0 1/2 3' >m/proc/loadavg; spoiled ""
    echo '2.01 0 0 1/2 3' >m/proc/loadavg; spoiled load
}

@test "doctor finds stolen time, since boot or measured" {
    machine
    echo 'cpu  1000 0 0 8000 0 0 0 40' >m/proc/stat; spoiled ""
    echo 'cpu  1000 0 0 8000 0 0 0 500' >m/proc/stat; spoiled steal
    machine
    gauge '.steal_share = 0.004'; measured ""
    gauge '.steal_share = 0.02'; measured steal
}

@test "doctor finds a quota of processor time, of both versions of control groups" {
    machine
    echo '800000 100000' >$group/user/job/cpu.max; spoiled ""
    echo '150000 100000' >$group/user/job/cpu.max; spoiled quota
    machine
    echo '150000 100000' >$group/user/cpu.max; spoiled quota # of the group above, for ours has none
    rm $group/user/cpu.max
    printf '1:name=x:/\n4:cpu,cpuacct:/job\n' >m/proc/self/cgroup
    echo 100000 >$group/cpu/job/cpu.cfs_period_us
    echo -1 >$group/cpu/job/cpu.cfs_quota_us; spoiled ""
    echo 200000 >$group/cpu/job/cpu.cfs_quota_us; spoiled quota
}

@test "doctor suspects siblings on a small virtual machine, and measures them anywhere" {
    machine
    processors 2 hypervisor
    [[ " $(ids) " == *" siblings "* ]]
    [[ " $(ids --gauges gauges.json) " != *" siblings "* ]]
    processors 8
    gauge '.two_threads_min = 1.81'; measured ""
    gauge '.two_threads_min = 1.15'; measured siblings
}

@test "doctor finds equal work that does not take equal time" {
    machine
    gauge '.loop_spread = 0.049'; measured ""
    gauge '.loop_spread = 0.2'; measured jitter
}

@test "doctor finds two threads of one core" {
    machine
    echo 0,4 >$cpu/cpu0/topology/thread_siblings_list; spoiled smt
}

@test "doctor finds a clock that follows the load: governor, driver, turbo" {
    machine
    echo powersave >$cpu/cpu0/cpufreq/scaling_governor; spoiled governor
    machine
    echo intel_pstate >$cpu/cpu0/cpufreq/scaling_driver; spoiled driver
    echo 3600000 >$cpu/cpu0/cpufreq/scaling_min_freq; spoiled ""
    rm -r $cpu/cpu0/cpufreq; spoiled driver
    machine
    echo 0 >$cpu/intel_pstate/no_turbo; spoiled turbo
    machine
    echo 1 >$cpu/cpufreq/boost; spoiled turbo
    echo 0 >$cpu/cpufreq/boost; spoiled ""
}

@test "doctor finds a hypervisor, and memory that goes through it" {
    machine
    processors 8 hypervisor; spoiled "touch virtual"
    measured virtual
    processors 8 && mkdir -p m/sys/hypervisor && echo xen >m/sys/hypervisor/type
    spoiled "touch virtual"
}

@test "doctor finds too few processors" {
    machine
    processors 4; spoiled ""
    processors 3; spoiled cores
}

@test "doctor finds a clock that is dear to read" {
    machine
    echo kvm-clock >"$clock"; spoiled ""
    echo hpet >"$clock"; spoiled clock
    machine
    gauge '.timer_cost_ns = 900'; measured clock
    machine
    gauge '.timer_step_ns = 4000000'; measured clock
}

@test "doctor finds swap" {
    machine
    sed -i 's/SwapTotal: 0/SwapTotal: 2048000/; s/SwapFree: 0/SwapFree: 1024000/' m/proc/meminfo
    spoiled swap
    assert_equal "$(ashlar doctor --json --root m | jq -r '.warnings[0].effect | .amount[:28], .source')" \
        $'1000 MiB are swapped out now\ncomputed here'
}

@test "doctor finds too little memory, of the machine and of the control group" {
    machine
    sed -i 's/MemAvailable: 8000000/MemAvailable: 100000/' m/proc/meminfo; spoiled memory
    machine
    echo $((4 << 30)) >$group/user/job/memory.max; spoiled ""
    echo $((3 << 30 | 1 << 29)) >$group/user/job/memory.current; spoiled limit
    echo 0 >$group/user/job/memory.current; spoiled ""
    echo $((1 << 29)) >$group/user/job/memory.max; spoiled limit
    machine
    echo 4:memory:/job >m/proc/self/cgroup
    echo 9223372036854771712 >$group/memory/job/memory.limit_in_bytes; spoiled ""
    echo $((1 << 29)) >$group/memory/job/memory.limit_in_bytes; spoiled limit
}

@test "doctor finds huge pages, and compaction within a page fault" {
    machine
    echo 'always [madvise] never' >$thp/enabled; spoiled "thp defrag"
    echo 'always [defer] defer+madvise madvise never' >$thp/defrag; spoiled thp
    echo '[always] madvise never' >$thp/enabled; spoiled thp
    echo '[always] defer defer+madvise madvise never' >$thp/defrag; spoiled "thp defrag"
    echo 'always madvise [never]' >$thp/enabled; spoiled ""
}

@test "doctor finds a balloon, and says when it reports free pages" {
    machine
    echo 0x0005 >$virtio/virtio3/device
    echo 01100000 >$virtio/virtio3/features; spoiled balloon
    run -0 ashlar doctor --root m
    refute_output --partial "reports free pages"
    echo 01100100 >$virtio/virtio3/features
    run -0 ashlar doctor --root m
    assert_output --partial "the kernel reports free pages to the hypervisor"
}

@test "doctor finds fresh memory that is dearer than memory given back and taken again" {
    machine
    gauge '.huge_fresh_ns = 190000'; measured ""
    gauge '.huge_fresh_ns = 900000'; measured touch
    machine
    gauge '.page_fresh_ns = 5000'; measured touch
    gauge '.huge_fresh_ns = 0 | .huge_again_ns = 0 | .page_fresh_ns = 700'; measured ""
}

@test "doctor finds a full disk" {
    machine
    echo 1024 >m/disk_free_mib; spoiled ""
    echo 12 >m/disk_free_mib; spoiled disk
}

@test "doctor finds fixed addresses" {
    machine
    echo 0 >m/proc/sys/kernel/randomize_va_space; spoiled aslr
}

@test "doctor finds a container" {
    machine
    echo '0::/docker/ab' >m/proc/1/cgroup; spoiled container
    machine
    mkdir -p m/run && touch m/run/.containerenv; spoiled container
}

@test "doctor finds that nothing counts, or may count" {
    machine
    rmdir m/sys/bus/event_source/devices/cpu; spoiled pmu
    mkdir m/sys/bus/event_source/devices/cpu_core; spoiled ""
    echo 3 >m/proc/sys/kernel/perf_event_paranoid; spoiled paranoid
    machine
    mkdir -p m/proc/sys/kernel/yama
    echo 1 >m/proc/sys/kernel/yama/ptrace_scope; spoiled ""
    echo 2 >m/proc/sys/kernel/yama/ptrace_scope; spoiled ptrace
}

@test "doctor finds libraries and sanitizers in the environment" {
    machine
    LD_PRELOAD=$libc run -0 --separate-stderr "$ASHLAR_BUILD/ashlar" doctor --json --root m
    assert_equal "$(jq -r '[.warnings[].id] | join(" ")' <<<"$output")" preload
    ASAN_OPTIONS=verbosity=0 spoiled sanitizer
    echo /usr/lib/libother.so >m/etc/ld.so.preload; spoiled system-preload
    : >m/etc/ld.so.preload; spoiled ""
}

@test "doctor puts bias first, then noise, then gaps, each with effect and remedy" {
    machine
    echo powersave >$cpu/cpu0/cpufreq/scaling_governor
    echo 3 >m/proc/sys/kernel/perf_event_paranoid
    echo 0 >m/proc/sys/kernel/randomize_va_space
    spoiled "aslr governor paranoid"
    run -0 ashlar doctor --json --root m
    assert_equal "$(jq -c '[.warnings[] | .level, .effect.source]' <<<"$output")" \
        '["bias","known","noise","computed here","gap","known"]'
    assert_equal "$(jq '[.warnings[] | .text, .remedy, .effect.metric, .effect.amount | length > 0] | all' \
        <<<"$output")" true
    run -0 ashlar doctor --root m
    assert_line --index 1 --partial "More blocks do not help"
    assert_line --regexp "^  governor +the frequency governor is 'powersave'"
    assert_line --regexp '  effect: time: up to 3\.0 x: .* from 1200 to 3600 MHz \(computed here\)'
    assert_line --regexp '  remedy: cpupower frequency-set -g performance'
}

@test "doctor keeps within a terminal's width, and leaves lines whole for a pipe" {
    machine
    echo powersave >$cpu/cpu0/cpufreq/scaling_governor
    ashlar doctor --root m >piped
    script -qec "stty cols 70; '$ASHLAR_BUILD/ashlar' doctor --root m" /dev/null | tr -d '\r' >seen
    assert_equal "$(awk 'length > 70' seen)" ""
    [[ -n $(awk 'length > 70' piped) ]]
    # Nothing but the breaks differs.
    assert_equal "$(tr -s ' \n' '  ' <seen)" "$(tr -s ' \n' '  ' <piped)"
}

@test "doctor says what it measured, and where it did" {
    machine
    echo 'always [madvise] never' >$thp/enabled
    run -0 ashlar doctor --root m --gauges gauges.json
    assert_line --partial "2 MiB cost 358 us at first touch in pages of 4 KiB, 120 us as one huge page"
    assert_line --partial "1.97 x (1.94 to 1.99)"
    run -0 ashlar doctor --root m --gauges gauges.json --json
    assert_equal "$(jq -r '.warnings[] | select(.id == "thp") | .effect.source' <<<"$output")" \
        "measured here"
    assert_equal "$(jq -c .gauges <<<"$output" | jq -S .)" "$(jq -S . gauges.json)"
}

@test "doctor --fast measures nothing; without it the measurements can be given to --gauges" {
    run -0 --separate-stderr ashlar doctor --fast --json
    assert_equal "$(jq -c '.gauges, ([.warnings[].effect.source] | index("measured here"))' <<<"$output")" \
        $'null\nnull'
    run -0 --separate-stderr ashlar doctor --json
    jq .gauges <<<"$output" >here.json
    assert_equal "$(jq 'length' here.json)" 14
    run -0 ashlar doctor --fast --gauges here.json
    assert_output --partial "Measured just now"
}

@test "measurements that are none are one line and exit 2" {
    machine
    gauge 'del(.loop_ms)'
    run -2 --separate-stderr ashlar doctor --gauges gauges.json
    assert_line_on_stderr "--gauges gauges.json: a figure is missing"
    run -2 --separate-stderr ashlar doctor --gauges nowhere.json
    assert_line_on_stderr "--gauges nowhere.json: "
}

@test "a plan keeps the warnings with their effect, and nothing was measured for it" {
    toy run plain --blocks 1
    run -0 jq -c 'select(.type == "plan") | [.warnings[] | select(.effect)] | length > 0,
        (map(.effect.source) | index("measured here"))' res/latest/samples.jsonl
    assert_output $'true\nnull'
}
