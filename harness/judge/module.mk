# harness/judge: statistics, verdicts, the report.
# JUDGE_OBJS and JUDGE_LIBS are for the link of `ashlar`.

JUDGE_DIR   := harness/judge
JUDGE_B     := $(B)/harness/judge
JUDGE_NAMES := stats samples calls duet growth memory verdict mean doubt gate gate_json figure \
               summary table publish report judge share aa
JUDGE_OBJS  := $(JUDGE_NAMES:%=$(JUDGE_B)/%.o) $(JUDGE_B)/asset.o
JUDGE_LIBS  := -ljansson -lgsl -lgslcblas -lRmath -lm
JUDGE_VEGA  := /usr/share/javascript/vega

$(JUDGE_NAMES:%=$(JUDGE_B)/%.o): $(JUDGE_B)/%.o: $(JUDGE_DIR)/%.c
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(OPT) $(CWARN) $(DEPS) -fPIE -c $< -o $@

# Vega's modules in one script; written beside and renamed, so that a failure leaves no half script.
$(JUDGE_B)/vega.js: $(JUDGE_DIR)/vega.sh $(wildcard $(JUDGE_VEGA)/*.min.js)
	@mkdir -p $(@D)
	$(JUDGE_DIR)/vega.sh $(JUDGE_VEGA) >$@.tmp
	mv $@.tmp $@

$(JUDGE_B)/asset.o: $(JUDGE_DIR)/asset.S $(JUDGE_B)/vega.js \
    $(addprefix $(JUDGE_DIR)/,report.html.in report.css report.js method.md)
	$(CC) -Wa,-I$(JUDGE_DIR) -Wa,-I$(JUDGE_B) -c $< -o $@

# Tests. Each links only the floors below what it tests.

JUDGE_TESTS := $(JUDGE_B)/test/test_stats $(JUDGE_B)/test/test_verdict $(JUDGE_B)/test/test_gate \
               $(JUDGE_B)/test/test_share $(JUDGE_B)/test/test_aa
JUDGE_TOOLS := $(JUDGE_B)/test/stats-cli $(JUDGE_B)/test/judge-cli

$(JUDGE_B)/test/test_stats: $(JUDGE_DIR)/test/test_stats.c $(JUDGE_B)/stats.o
$(JUDGE_B)/test/test_verdict: $(JUDGE_DIR)/test/test_verdict.c \
    $(addprefix $(JUDGE_B)/,stats.o samples.o calls.o memory.o verdict.o mean.o doubt.o)
$(JUDGE_B)/test/test_gate: $(JUDGE_DIR)/test/test_gate.c \
    $(addprefix $(JUDGE_B)/,stats.o samples.o calls.o gate.o)
$(JUDGE_B)/test/test_share: $(JUDGE_DIR)/test/test_share.c $(JUDGE_B)/share.o
$(JUDGE_B)/test/test_aa: $(JUDGE_DIR)/test/test_aa.c \
    $(addprefix $(JUDGE_B)/,stats.o samples.o share.o aa.o)
$(JUDGE_B)/test/stats-cli: $(JUDGE_DIR)/test/stats_cli.c $(JUDGE_B)/stats.o $(JUDGE_B)/share.o
$(JUDGE_B)/test/judge-cli: $(JUDGE_DIR)/test/judge_cli.c $(JUDGE_OBJS)

$(JUDGE_TESTS) $(JUDGE_TOOLS):
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(OPT) $(CWARN) $(DEPS) -MF $@.d -MT $@ -o $@ $(filter %.c %.o,$^) -lcmocka $(JUDGE_LIBS)

CHECKS     += $(JUDGE_TESTS) $(sort $(wildcard $(JUDGE_DIR)/test/*.bats))
CHECK_DEPS += $(JUDGE_TESTS) $(JUDGE_TOOLS)

-include $(wildcard $(JUDGE_B)/*.d $(JUDGE_B)/test/*.d)
