# The man pages: no warning from mandoc, and every option that the programs have stands in them, and
# none that they do not have.

bats_require_minimum_version 1.5.0

setup() {
    library=$ASHLAR_ROOT/alloc/ashlar.3 command=$ASHLAR_ROOT/harness/ashlar.1
    cd "$BATS_TEST_TMPDIR"
}

# lint PAGE: mandoc's warnings. Its remarks on style depend on the manuals that this machine has.
lint() {
    mandoc -T lint -W warning "$1"
}

# text_of PAGE: as a terminal shows it, without the overstriking.
text_of() {
    mandoc -T ascii "$1" | sed 's/.\x08//g'
}

# missing_in PAGE: of the words on standard input, those that stand nowhere in the page.
missing_in() {
    local word
    text_of "$1" >text
    while read -r word; do
        grep -qE -e "(^|[^a-z_-])$word([^a-z_-]|$)" text || echo "$word"
    done
}

# options_of COMMAND...: -x and --long of its --help, each where an option is explained.
options_of() {
    "$@" --help | sed -nE 's/^ +((-[a-zA-Z], )?--[a-z-]+).*/\1/p' | tr -d ' ' | tr ',' '\n' | sort -u
}

verbs() {
    "$ASHLAR_BUILD/ashlar" --help | sed -nE 's/^  ([a-z]+) .*/\1/p'
}

verb_options() {
    local verb
    for verb in $(verbs); do
        options_of "$ASHLAR_BUILD/ashlar" "$verb"
    done | sort -u
}

script_options() {
    options_of sh "$ASHLAR_ROOT/ci/install/ashlar.sh"
    options_of sh "$ASHLAR_ROOT/ci/install/ashlar-config.sh"
}

conf_keys() {
    ASHLAR_CONF=confirm_conf:true LD_PRELOAD=$ASHLAR_BUILD/libashlar.so env true 2>&1 |
        sed -n 's/^ashlar: \([a-z_]*\):.*/\1/p' | sort -u
}

# explained_in PAGE: the options that it explains, as its source writes them.
explained_in() {
    grep '^\.It Fl' "$1" | grep -oE 'Fl -?[a-zA-Z][a-z-]*' | sed 's/^Fl /-/' | sort -u
}

@test "mandoc has no warning about either page" {
    local page
    for page in "$library" "$command"; do
        run -0 lint "$page"
        [[ -z $output ]]
    done
}

@test "control: mandoc warns of a planted mistake" {
    sed 's/^\.Sh EXAMPLES/.Shh EXAMPLES/' "$library" >page.3
    run ! lint page.3
    [[ $output == *'skipping unknown macro'* ]]
}

@test "ashlar(1) has every verb and every option of every verb" {
    (($(verbs | wc -l) >= 6 && $(verb_options | wc -l) >= 30))
    [[ -z $(verbs | missing_in "$command") ]]
    run missing_in "$command" < <(verb_options)
    [[ -z $output ]]
}

@test "ashlar(1) explains no option that no verb has" {
    run comm -23 <(explained_in "$command") <(verb_options)
    [[ -z $output ]]
}

@test "ashlar(3) has the options of ashlar.sh and ashlar-config" {
    (($(script_options | wc -l) >= 12))
    run missing_in "$library" < <(script_options)
    [[ -z $output ]]
}

@test "ashlar(3) has every key of ASHLAR_CONF and no other" {
    (($(conf_keys | wc -l) >= 12))
    run diff <(conf_keys) <(sed -nE 's/^\.It Cm ([a-z_]+) : .*/\1/p' "$library" | sort)
    [[ -z $output ]]
}

@test "ashlar(3) has every function of the header" {
    grep -oE '\bashlar_[a-z_]+\(' "$ASHLAR_ROOT/alloc/include/ashlar/ashlar.h" | tr -d '(' | sort -u >functions
    (($(wc -l <functions) >= 20))
    run missing_in "$library" <functions
    [[ -z $output ]]
}

@test "control: a word that the page lacks is told" {
    run missing_in "$command" < <(printf '%s\n' --suite --no-such-option --sui)
    [[ $output == $'--no-such-option\n--sui' ]]
}
