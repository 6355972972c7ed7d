# What `make install` puts in place: complete, usable on its own, and gone again with `make uninstall`.
# Programs are built and run with installed files only.

bats_require_minimum_version 1.5.0

# install_into DESTDIR [VARIABLE=VALUE...], and uninstall_from the same.
install_into() {
    make -C "$ASHLAR_ROOT" --no-print-directory install B="$ASHLAR_BUILD" DESTDIR="$1" "${@:2}" </dev/null
}

uninstall_from() {
    make -C "$ASHLAR_ROOT" --no-print-directory uninstall B="$ASHLAR_BUILD" DESTDIR="$1" "${@:2}" </dev/null
}

# files_of DIRECTORY: every folder with its mode, every file with mode, size and target.
files_of() {
    (cd -- "$1" && find . \( -type d -printf '%p %y %m\n' -o -printf '%p %y %m %s %l\n' \) | sort)
}

setup_file() {
    export STAGE=$BATS_FILE_TMPDIR/stage
    install_into "$STAGE" PREFIX=/opt/ashlar >"$BATS_FILE_TMPDIR/log"
    export HERE=$STAGE/opt/ashlar
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    sources=$ASHLAR_ROOT/ci/test/install
    export PATH=$HERE/bin:$PATH
    export PKG_CONFIG_PATH=$HERE/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$STAGE
    version=$(sed -n 's/^#define ASHLAR_VERSION "\(.*\)"/\1/p' "$ASHLAR_ROOT/alloc/util/config.h")
    served="version $version, served, whole, malloc is ours"
}

@test "every kind of file is there, with its mode" {
    files_of "$HERE" >"$BATS_TEST_TMPDIR/files"
    cat "$BATS_TEST_TMPDIR/files"
    local kind mode path
    while read -r kind mode path; do
        grep -E "^\./$path $kind $mode " "$BATS_TEST_TMPDIR/files"
    done <<-END
	f 644 lib/libashlar\.so\.1
	l 777 lib/libashlar\.so
	f 644 lib/libashlar\.a
	f 644 lib/libashlar_prefixed\.a
	f 644 include/ashlar/ashlar\.h
	f 644 lib/pkgconfig/ashlar\.pc
	f 644 lib/cmake/Ashlar/AshlarConfig\.cmake
	f 755 bin/ashlar-config
	f 755 bin/ashlar\.sh
	l 777 bin/ashlar
	f 755 libexec/ashlar/ashlar
	f 755 libexec/ashlar/programs/sqlite3\.sh
	f 644 libexec/ashlar/suites/quick\.ini
	f 644 share/man/man1/ashlar\.1
	f 644 share/man/man3/ashlar\.3
	f 644 share/doc/ashlar/LICENSE
	f 644 share/doc/ashlar/alloc/README\.md
	END
    run ! grep -vE '^\S+ (f (644|755)|d 755|l 777)\b' "$BATS_TEST_TMPDIR/files"
    run -0 find "$HERE" -xtype l
    [[ -z $output ]]
    run ! grep -rIl -e '@[a-z_]*@' -e "$STAGE" "$HERE/bin" "$HERE/lib/pkgconfig" "$HERE/lib/cmake"
}

@test "a second install changes nothing, under another umask neither" {
    files_of "$STAGE" >before
    cp "$HERE/share/ashlar/installed.txt" record
    (umask 077 && install_into "$STAGE" PREFIX=/opt/ashlar)
    diff before <(files_of "$STAGE")
    diff record "$HERE/share/ashlar/installed.txt"
}

@test "uninstall leaves nothing, and nothing of others'; a DESTDIR may have spaces" {
    local stage="$BATS_TEST_TMPDIR/a stage/of mine"
    mkdir -p "$stage/usr/local/bin" "$stage/usr/local/lib"
    echo theirs >"$stage/usr/local/lib/theirs"
    files_of "$stage" >before
    (umask 077 && install_into "$stage")
    [[ -x $stage/usr/local/bin/ashlar ]]
    run ! grep -vE '^\S+ (f (644|755)|d 755|l 777)\b' <(files_of "$stage/usr/local/share")
    uninstall_from "$stage"
    diff before <(files_of "$stage")
    run -0 uninstall_from "$stage"
    [[ $output == 'Nothing to remove: there is no '* ]]
}

@test "a later install takes away what only the earlier one had" {
    install_into "$PWD/stage" PREFIX=/opt/ashlar
    mkdir stage/opt/ashlar/gone
    touch stage/opt/ashlar/gone/file stage/opt/ashlar/theirs
    printf '%s\n' 'dir /opt/ashlar/gone' 'file /opt/ashlar/gone/file' >>stage/opt/ashlar/share/ashlar/installed.txt
    install_into "$PWD/stage" PREFIX=/opt/ashlar
    [[ ! -e stage/opt/ashlar/gone && -e stage/opt/ashlar/theirs ]]
    run ! grep gone stage/opt/ashlar/share/ashlar/installed.txt
    uninstall_from "$PWD/stage" PREFIX=/opt/ashlar
    [[ $(cd stage && find . -type f) == ./opt/ashlar/theirs ]]
}

@test "the folders may be chosen one by one" {
    install_into "$PWD/stage" PREFIX=/usr LIBDIR=/usr/lib/some-linux LIBEXECDIR=/usr/lib INCLUDEDIR=/usr/headers
    stage/usr/bin/ashlar-config --cflags --libs | diff - <(
        echo "-I$PWD/stage/usr/headers"
        echo "-L$PWD/stage/usr/lib/some-linux -lashlar"
    )
    gcc $(stage/usr/bin/ashlar-config --cflags) "$sources/program.c" $(stage/usr/bin/ashlar-config --libs --rpath) -o program
    run -0 ./program
    [[ $output == "$served" ]]
    stage/usr/bin/ashlar --help
    [[ $(readlink -f stage/usr/lib/ashlar/libashlar.so) == $PWD/stage/usr/lib/some-linux/libashlar.so.1 ]]
    uninstall_from "$PWD/stage" PREFIX=/usr
    [[ -z $(ls -A stage) ]]
}

@test "a place that flags cannot name, or that is not absolute, is refused in one line" {
    local place
    for place in '/opt/my programs' '/opt/a:b' opt/ashlar; do
        run -2 env B="$ASHLAR_BUILD" DESTDIR="$PWD/stage" PREFIX="$place" "$ASHLAR_ROOT/ci/install/install.sh" install
        [[ $output == "install.sh: '$place/bin' "*'; give '* && ${#lines[@]} -eq 1 ]]
    done
    run -1 env B="$PWD/nothing" DESTDIR="$PWD/stage" "$ASHLAR_ROOT/ci/install/install.sh" install
    [[ $output == "install.sh: there is no $PWD/nothing/libashlar.so; run make first" ]]
    [[ ! -e stage ]]
}

@test "who may not write there is told so in one line, and nothing is begun" {
    local front=()
    (($(id -u) != 0)) || front=(setpriv --bounding-set=-all) # root without root's rights
    "${front[@]}" true || skip "root cannot give up its rights here"
    mkdir -m 555 closed
    touch file
    for place in closed/stage file/stage; do
        run -1 "${front[@]}" env B="$ASHLAR_BUILD" DESTDIR="$PWD/$place" "$ASHLAR_ROOT/ci/install/install.sh" install
        [[ $output == "install.sh: cannot write below $PWD/${place%/*}; "* && ${#lines[@]} -eq 1 ]]
    done
    [[ -z $(ls closed) ]]
}

@test "a C program by pkg-config" {
    [[ $(pkg-config --modversion ashlar) == "$version" ]]
    gcc $(pkg-config --cflags ashlar) "$sources/program.c" $(pkg-config --libs ashlar) -o program
    LD_LIBRARY_PATH=$HERE/lib run -0 ./program
    [[ $output == "$served" ]]
    gcc -static $(pkg-config --cflags ashlar) "$sources/program.c" $(pkg-config --static --libs ashlar) -o program
    run -0 ./program
    [[ $output == "$served" ]]
}

@test "a C program by ashlar-config, an archive and the prefixed names" {
    gcc $(ashlar-config --cflags) "$sources/program.c" $(ashlar-config --libs --rpath) -o program
    run -0 ./program
    [[ $output == "$served" ]]
    gcc $(ashlar-config --cflags) "$sources/program.c" $(ashlar-config --static-libs) -o program
    run -0 ./program
    [[ $output == "$served" ]]
    gcc -static $(ashlar-config --cflags) "$sources/program.c" $(ashlar-config --static-libs) -o program
    run -0 ./program
    [[ $output == "$served" ]]
    gcc -DPREFIXED $(ashlar-config --cflags) "$sources/program.c" $(ashlar-config --prefixed-libs) -o program
    run -0 ./program
    [[ $output == "version $version, served, whole, malloc is the C library's" ]]
}

@test "control: the same program without the library's malloc is not served" {
    gcc $(ashlar-config --cflags) "$sources/program.c" $(ashlar-config --prefixed-libs) -o program
    run -1 ./program
    [[ $output == "version $version, not served, whole, malloc is the C library's" ]]
    run ! gcc $(ashlar-config --cflags) "$sources/program.c" -o program
    [[ $output == *'undefined reference to `ashlar_stats_get'* ]]
}

@test "a program that was written for jemalloc, unchanged, by ashlar-config and by pkg-config" {
    gcc $(ashlar-config --jemalloc-cflags) "$sources/jemalloc_user.c" $(ashlar-config --libs --rpath) -o program
    ASHLAR_CONF=stats_print:true run -0 --separate-stderr ./program
    [[ $output == '0 failures' && $stderr == 'ashlar: mallocs='[1-9]* ]]
    gcc $(pkg-config --cflags ashlar-jemalloc) "$sources/jemalloc_user.c" $(pkg-config --libs ashlar-jemalloc) -o program
    LD_LIBRARY_PATH=$HERE/lib run -0 ./program
    [[ $output == '0 failures' ]]
}

@test "the names with the prefix je_ are the plain ones" {
    printf '%s\n' '#include <jemalloc/jemalloc.h>' \
        'int main(void) { void *p = je_mallocx(10, 0); je_free(p); return je_nallocx(10, 0) != nallocx(10, 0); }' >je.c
    gcc -Wall -Werror $(ashlar-config --jemalloc-cflags) je.c $(ashlar-config --libs --rpath) -o program
    ./program
}

@test "control: with jemalloc itself that program says the same, and without it is not built" {
    gcc "$sources/jemalloc_user.c" -ljemalloc -o program
    ASHLAR_CONF=stats_print:true run -0 --separate-stderr ./program
    [[ $output == '0 failures' && -z $stderr ]]
    run ! gcc $(ashlar-config --jemalloc-cflags) "$sources/jemalloc_user.c" -o program
    [[ $output == *'undefined reference to `mallocx'* ]]
}

@test "a C++ program" {
    g++ -std=c++17 $(ashlar-config --cflags) "$sources/program.cpp" $(ashlar-config --libs --rpath) -o program
    run -0 ./program
    [[ $output == 'served, aligned, thrown' ]]
    g++ -std=c++17 $(ashlar-config --cflags) "$sources/program.cpp" $(ashlar-config --prefixed-libs) -o program
    run -1 ./program
    [[ $output == 'not served, aligned, thrown' ]]
}

@test "a CMake project, by all three targets" {
    cmake -S "$sources/cmake" -B build -DCMAKE_PREFIX_PATH="$HERE" >log 2>&1 || { cat log; false; }
    cmake --build build >log 2>&1 || { cat log; false; }
    local target
    for target in shared static; do
        run -0 build/$target
        [[ $output == "$served" ]]
    done
    run -0 build/prefixed
    [[ $output == "version $version, served, whole, malloc is the C library's" ]]
    run -0 build/cxx
    [[ $output == 'served, aligned, thrown' ]]
}

@test "control: CMake refuses a later version and an incomplete installation" {
    mkdir project
    printf '%s\n' 'cmake_minimum_required(VERSION 3.16)' 'project(user C)' 'find_package(Ashlar 99 REQUIRED)' \
        >project/CMakeLists.txt
    run ! cmake -S project -B build -DCMAKE_PREFIX_PATH="$HERE"
    [[ $output == *'requested version "99"'* ]]
    cp -a "$HERE" incomplete
    rm incomplete/lib/libashlar_prefixed.a
    sed -i 's/ 99 / /' project/CMakeLists.txt
    run ! cmake -S project -B build2 -DCMAKE_PREFIX_PATH="$PWD/incomplete"
    [[ $output == *'libashlar_prefixed.a is not'* ]]
}

@test "a Rust program whose global allocator is ours" {
    command -v rustc || skip "there is no rustc here; apt-get install rustc"
    rustc -L "$HERE/lib" -l static=ashlar_prefixed "$sources/program.rs" -o program
    run -0 ./program
    [[ $output == 'right, thousands of allocations, 10 MiB seen, freed, heap holds' ]]
    rustc --cfg control -L "$HERE/lib" -l static=ashlar_prefixed "$sources/program.rs" -o program
    run -0 ./program
    [[ $output == 'right, no allocations, 10 MiB not seen, not freed, heap holds' ]]
}

@test "ashlar.sh runs a program on the library, with its options and its exit code" {
    ashlar.sh --conf stats_print:true ls / >out 2>err
    diff out <(ls /)
    grep -E '^ashlar: mallocs=[1-9]' err
    ASHLAR_CONF=narenas:3 run -0 ashlar.sh --conf=narenas:5 --conf confirm_conf:true -- ls /
    [[ $output == *'ashlar: narenas:5'* ]]
    run -7 ashlar.sh sh -c 'exit 7'
    run -0 ls /
    [[ $output != *ashlar:* ]]
}

@test "ashlar.sh and ashlar-config refuse what they do not know in one line" {
    run -125 ashlar.sh
    [[ $output == 'ashlar.sh: no program; '* && ${#lines[@]} -eq 1 ]]
    run -125 ashlar.sh --no-such ls
    [[ $output == "ashlar.sh: unknown option '--no-such'; "* && ${#lines[@]} -eq 1 ]]
    run -125 ashlar.sh --conf
    [[ $output == 'ashlar.sh: --conf has no value; '* && ${#lines[@]} -eq 1 ]]
    run -127 ashlar.sh ./no-such-program
    mkdir bin && cp "$HERE/bin/ashlar.sh" bin/
    run -125 bin/ashlar.sh ls
    [[ $output == 'ashlar.sh: no '*'install Ashlar again' && ${#lines[@]} -eq 1 ]]
    run -2 ashlar-config
    [[ ${#lines[@]} -eq 1 ]]
    run -2 ashlar-config --no-such
    [[ $output == "ashlar-config: unknown option '--no-such'; "* && ${#lines[@]} -eq 1 ]]
    [[ $(ashlar-config --version --prefix --libdir --bindir --includedir | xargs) == \
        "$version $HERE $HERE/lib $HERE/bin $HERE/include" ]]
}

@test "the installed ashlar finds its library, its workloads and its suites" {
    ashlar list >out
    cat out
    grep -E "^  ashlar +$version .* $HERE/libexec/ashlar/libashlar\.so( |$)" out
    grep -E "^  limit .* $HERE/libexec/ashlar/liblimit\.so( |$)" out
    grep -E '^  larson ' out
    grep -E '^  quick ' out
    ashlar run --workload 'fastpath --ops 20000' --allocators 'glibc ashlar' --blocks 1 --no-counts --quiet \
        --results res
    jq -se 'any(.type == "sample" and .allocator == "ashlar" and .status == "ok")' res/latest/samples.jsonl
    ashlar-bench fastpath --ops 1000 | jq -e '.workload == "fastpath"'
    ashlar-micro --benchmark_list_tests=true | grep BM_malloc_free
    ashlar-stress --list | grep oracle
}
