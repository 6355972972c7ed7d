# Each sample stands for a fifth more than it should.
# file: alloc/prof/prof.c
# product: ashlar-stress
# kill: $B/ashlar-stress sampling --seed 1
# says: ^FAIL: sampling: the estimate is off by more than three standard errors, twice
s|return 1 / one_minus_exp(|return 1.2 / one_minus_exp(|
