# tap.awk: reads one test file's TAP and says what happened.
#
# In    the TAP on stdin; -v rc=EXIT_STATUS -v limit=SECONDS
# Out   one line `count PASSED FAILED SKIPPED`, one line `skip TEST: REASON` a skip,
#       and, where the file as a whole went wrong, one line `wrong WHAT`
#
# A test file that asserts nothing must not look like one that passes: no plan, a plan of nothing,
# fewer results than planned, and an exit that no failed test explains count as one failed.

# A skip of cmocka is `not ok 3 # SKIP name`, and its reason is a comment before it,
# `# SKIP reason`. Everybody else writes `ok 3 name # skip reason`.
function skipped(line, name, reason, at) {
    at = match(tolower(line), /# *skip/)
    name = substr(line, 1, at - 1)
    reason = substr(line, at + RLENGTH)
    sub(/^(not )?ok *[0-9]* *-? */, "", name)
    sub(/ *$/, "", name)
    sub(/^ */, "", reason)
    if (name == "") {
        name = reason
        reason = comment
    }
    if (reason == "")
        reason = "no reason given"
    skips[++nskip] = "skip " name ": " reason
}

BEGIN { pass = fail = nskip = plan = nplan = 0 }

{ sub(/^[ \t]+/, "") }

/^1\.\.[0-9]+/ {
    nplan++
    plan += substr($1, 4)
    if ($1 == "1..0" && tolower($0) ~ /# *skip/) {
        skipped("ok 0 the whole file " substr($0, index($0, "#")))
        plan++
    }
}

/^(not )?ok( |$)/ {
    if (tolower($0) ~ /# *skip/)
        skipped($0)
    else if ($0 ~ /^ok/)
        pass++
    else
        fail++
}

/^# SKIP / { comment = substr($0, 8) }
!/^# SKIP / { comment = "" }

/^Bail out!/ { bailed = 1 }

END {
    results = pass + fail + nskip
    if (rc == 124 || rc == 137)
        wrong = "timed out or killed, its limit is " limit " s"
    else if (rc > 128 && rc < 165 && rc != fail)
        wrong = "killed by signal " (rc - 128)
    else if (bailed)
        wrong = "bailed out"
    else if (rc != 0 && fail == 0)
        wrong = "exit status " rc " without a failed test"
    else if (nplan == 0 && fail == 0)
        wrong = "no TAP plan"
    else if (plan == 0)
        wrong = "a plan of no tests"
    else if (results != plan && fail == 0)
        wrong = "planned " plan " tests but gave " results " results"
    if (wrong != "")
        fail++
    print "count", pass, fail, nskip
    for (i = 1; i <= nskip; i++)
        print skips[i]
    if (wrong != "")
        print "wrong", wrong
}
