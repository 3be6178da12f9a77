/* bench: how fast each hot kernel runs in each variant that this machine has. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "commands.h"
#include "output.h"

enum { ROUNDS = 5 };
static const double ROUND_SECONDS = 0.01;

static double seconds_of(lk_bench_run *run, size_t times) {
    const double start = clock_seconds();
    lk_bench_repeat(run, times);
    return clock_seconds() - start;
}

/* The median rate of some rounds, each long enough for the clock. */
static double measure(lk_bench_run *run, double flops) {
    size_t times = 1;
    while (seconds_of(run, times) < ROUND_SECONDS && times < SIZE_MAX / 2) times *= 2;
    double rates[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) rates[r] = (double)times * flops / seconds_of(run, times);
    return median(rates, ROUNDS) * 1e-9;
}

/* One kernel in every variant that there is. */
static lk_status bench(size_t which, const char *name, double flops, bool print, json_t *list,
                       fault *f) {
    for (int simd = 0; simd < LK_SIMD_COUNT; simd++) {
        if (!lk_simd_available((lk_simd)simd)) continue;
        lk_bench_run *run = lk_bench_create(which, (lk_simd)simd, &f->error);
        if (!run) return f->error.status;
        const double gflops = measure(run, flops);
        lk_bench_free(run);
        const char *variant = lk_simd_name((lk_simd)simd);
        json_array_append_new(
            list, json_pack("{s:s,s:s,s:f}", "kernel", name, "variant", variant, "gflops", gflops));
        if (print) printf("%-26s %-8s %8.1f GF/s\n", name, variant, gflops);
    }
    return LK_OK;
}

int cmd_bench(const options *o, fault *f) {
    size_t count;
    const lk_kernel_bench *benches = lk_kernel_benches(&count);
    const char *part = o->arguments.count > 0 ? o->arguments.items[0] : "";
    json_t *list = json_array();
    lk_status status = LK_OK;
    for (size_t i = 0; i < count && !status; i++)
        if (strstr(benches[i].name, part))
            status = bench(i, benches[i].name, benches[i].flops, !o->json, list, f);
    if (!status && json_array_size(list) == 0)
        status = fail(f, LK_USAGE, NULL, "no kernel's name has '%.40s' in it", part);
    if (!status && o->json) return output_json(list, f);
    json_decref(list);
    return status;
}
