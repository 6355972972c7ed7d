# The plant itself (harness/plant): it adds the units that it is told to, and nothing else. Instructions are counted
# by callgrind, faults and memory by the kernel; no test depends on a measured time.

bats_require_minimum_version 1.5.0
load common

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    library=$ASHLAR_BUILD/libashlar-planted.so
    work=("$ASHLAR_BUILD/ashlar-bench" fastpath --size 64 --ops 20000)
}

# planted ORDER COMMAND...: with that plant.
planted() {
    local order=$1
    shift
    env -i PATH="$PATH" LC_ALL=C ASHLAR_CELL=3 ASHLAR_PLANT_3="$order" LD_PRELOAD="$library" "$@"
}

# instructions ORDER: of the work, all in all.
instructions() {
    planted "$1" setarch -R valgrind --tool=callgrind --callgrind-out-file=out "${work[@]}" >/dev/null 2>&1
    awk '/^totals:/{print $2}' out
}

# With a period of 16 the 20000 calls are 1250 bursts, and a few more of the C library's own.
bursts=1250

# per_unit KIND BURST: instructions that a unit adds to none, in hundredths.
per_unit() {
    echo $((100 * ($(instructions "$1:$2:16") - $(instructions "$1:0:16")) / (bursts * $2)))
}

@test "the planted library exports what libashlar does" {
    diff <(nm -D --defined-only "$ASHLAR_BUILD/libashlar.so" | awk '{print $3}' | sort) \
        <(nm -D --defined-only "$library" | awk '{print $3}' | sort)
}

@test "instr adds instructions in proportion" {
    command -v valgrind >/dev/null || skip "valgrind is absent"
    few=$(per_unit instr 64) many=$(per_unit instr 128)
    echo "$few and $many hundredths a unit"
    ((few >= 200 && few <= 310 && many >= 200 && many <= 310))
    ((many * 100 >= few * 97 && many * 100 <= few * 103))
}

@test "stall, miss and fault add next to no instructions: a few for what takes 100 ns or more" {
    command -v valgrind >/dev/null || skip "valgrind is absent"
    for kind in stall miss fault; do
        n=$(per_unit $kind 16)
        echo "$kind: $n hundredths of an instruction a unit"
        ((n > 100 && n <= 1200))
    done
    # The control: as many units of instr that take 100 ns would be some hundred instructions.
    ((100 * ($(instructions instr:1600:16) - $(instructions instr:0:16)) / (bursts * 16) > 10000))
}

@test "the layer alone adds less than one instruction in twenty" {
    command -v valgrind >/dev/null || skip "valgrind is absent"
    with=$(instructions instr:0:4096)
    library=$ASHLAR_BUILD/libashlar.so
    without=$(instructions instr:0:4096)
    echo "$without instructions without the layer, $with with it"
    ((with > without && (with - without) * 20 < without))
}

# minor_faults ORDER
minor_faults() {
    planted "$1" /usr/bin/python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt)' "${work[@]}"
}

@test "fault makes that many page faults" {
    none=$(minor_faults fault:0:16) some=$(minor_faults fault:4:16)
    echo "$none and $some faults, $((bursts * 4)) planted"
    ((some - none >= bursts * 4 * 98 / 100 && some - none <= bursts * 4 * 105 / 100 + 100))
}

peak_kib() {
    planted "$1" "${work[@]}" | jq .vmhwm_kib
}

@test "leak loses that many pages" {
    none=$(peak_kib leak:0:16) some=$(peak_kib leak:8:16)
    echo "$none and $some KiB, $((bursts * 8 * 4)) planted"
    ((some - none >= bursts * 8 * 4 * 98 / 100 && some - none <= bursts * 8 * 4 * 105 / 100 + 1024))
}

@test "threads that make fewer calls than a period pay their share" {
    # 100 threads of 160 calls each, 800 to a period: some 20 bursts, not none.
    cat >threads.c <<-'C'
	#include <pthread.h>
	#include <stdlib.h>
	static void *calls(void *unused)
	{
	    for (int i = 0; i < 160; i++)
	        free(malloc(64));
	    return unused;
	}
	int main(void)
	{
	    for (int i = 0; i < 100; i++) {
	        pthread_t thread;
	        if (pthread_create(&thread, NULL, calls, NULL) != 0 || pthread_join(thread, NULL) != 0)
	            return 1;
	    }
	    return 0;
	}
	C
    cc -O1 -fno-builtin -o threads threads.c -lpthread
    work=("$PWD/threads")
    none=$(minor_faults fault:0:800) some=$(minor_faults fault:50:800)
    echo "$none and $some faults, some 1000 planted"
    ((some - none > 600 && some - none < 1400))
}

@test "a plant that cannot be read stops the process, and no plant is none" {
    for order in stall:5 speed:1:16 stall:1:0 stall:1:16x; do
        run -134 --separate-stderr planted "$order" "${work[@]}"
        [[ $stderr == *"$order is no plant; write KIND:BURST:PERIOD"* ]]
    done
    run -0 env LD_PRELOAD="$library" "${work[@]}"
}

@test "ashlar aa plants one per cent of instructions in a real workload, and finds it" {
    command -v valgrind >/dev/null || skip "valgrind is absent"
    cat >small.ini <<-INI
	[suite]
	blocks = 12
	[cell small]
	workload = fastpath
	args = --size 64 --ops 400000
	primary = yes
	count_ops = 40000
	INI
    # What the noise of so short a process says of its time is not asked here.
    "$ASHLAR_BUILD/ashlar" aa --suite "$PWD/small.ini" --results res --quiet --verdicts 0 --trials 1 \
        --plants instr:0.2,1 --max-blocks 12 --budget "small:time=none,peak_rss=none" >out || [[ $? == 3 ]]
    cat out
    run -0 jq -r '.plants[] | select(.metric == "instructions") | "\(.size) \(.found) \(.n)"' res/aa-*/aa.json
    assert_output $'0.2 0 1\n1 1 1'
    run -0 jq -r '.plants[] | select(.size == 1) | .achieved >= 0.0095 and .achieved <= 0.0105' res/aa-*/aa.json
    assert_output true
}
