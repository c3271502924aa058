/* Tables of the functions in special.h and special_f64.h: what a loop over tiles may choose from a row of
 * registers, in C and as vectors alike.
 *
 * Logarithms: the mantissa m, in [1, 2) for f32 and [63/64, 63/32) for f64, chooses entry i by its first bits.
 * inverse[i] is near 1 / m, and so short that r = m * inverse[i] - 1 is exact; -0.0342 < r < 1/32.
 * high[i] + low[i] is the logarithm of 1 / inverse[i], high[i] so short that adding an exponent's part is exact.
 * At either side of 1 all of it is exact.
 *
 * tanh: row i has the centre of an interval, tanh of it, and the coefficients of the distance to the centre and
 * its powers; a list, for a table by rows or by columns.  The centres are where tanh is a float to 33 bits.  Intervals are quarters of octaves from 1/16 to
 * 10; one more is from 0 on, one is 10 itself.
 */
#ifndef KB_KERNEL_SPECIAL_TABLES_H
#define KB_KERNEL_SPECIAL_TABLES_H

static const float kb_inverse_f32_[32] = {1,
                                          0x1.e80000p-1f,
                                          0x1.d80000p-1f,
                                          0x1.d00000p-1f,
                                          0x1.c00000p-1f,
                                          0x1.b80000p-1f,
                                          0x1.a80000p-1f,
                                          0x1.a00000p-1f,
                                          0x1.980000p-1f,
                                          0x1.880000p-1f,
                                          0x1.800000p-1f,
                                          0x1.780000p-1f,
                                          0x1.700000p-1f,
                                          0x1.680000p-1f,
                                          0x1.600000p-1f,
                                          0x1.580000p-1f,
                                          0x1.500000p-1f,
                                          0x1.480000p-1f,
                                          0x1.480000p-1f,
                                          0x1.400000p-1f,
                                          0x1.380000p-1f,
                                          0x1.300000p-1f,
                                          0x1.300000p-1f,
                                          0x1.280000p-1f,
                                          0x1.200000p-1f,
                                          0x1.200000p-1f,
                                          0x1.180000p-1f,
                                          0x1.100000p-1f,
                                          0x1.100000p-1f,
                                          0x1.080000p-1f,
                                          0x1.080000p-1f,
                                          0x1.000000p-1f};

static const float kb_log2_high_f32_[32] = {0,
                                            0x1.1bc000p-4f,
                                            0x1.e0c000p-4f,
                                            0x1.22e000p-3f,
                                            0x1.8a9000p-3f,
                                            0x1.bfc000p-3f,
                                            0x1.16a000p-2f,
                                            0x1.32c000p-2f,
                                            0x1.4f7000p-2f,
                                            0x1.8a8800p-2f,
                                            0x1.a90000p-2f,
                                            0x1.c81800p-2f,
                                            0x1.e7e000p-2f,
                                            0x1.042c00p-1f,
                                            0x1.14c400p-1f,
                                            0x1.25c000p-1f,
                                            0x1.372400p-1f,
                                            0x1.48f000p-1f,
                                            0x1.48f000p-1f,
                                            0x1.5b2c00p-1f,
                                            0x1.6de000p-1f,
                                            0x1.811000p-1f,
                                            0x1.811000p-1f,
                                            0x1.94c400p-1f,
                                            0x1.a90000p-1f,
                                            0x1.a90000p-1f,
                                            0x1.bdd000p-1f,
                                            0x1.d33800p-1f,
                                            0x1.d33800p-1f,
                                            0x1.e94400p-1f,
                                            0x1.e94400p-1f,
                                            1};

static const float kb_log2_low_f32_[32] = {0,
                                           -0x1.9ab400p-17f,
                                           -0x1.ca2e1ap-17f,
                                           -0x1.48f554p-17f,
                                           -0x1.9fd502p-17f,
                                           0x1.9ea000p-17f,
                                           -0x1.fd64e0p-17f,
                                           -0x1.1c8f12p-22f,
                                           -0x1.134c4ep-20f,
                                           0x1.80abfcp-18f,
                                           -0x1.a39fbep-20f,
                                           0x1.dc2d46p-18f,
                                           -0x1.40358ep-19f,
                                           -0x1.5a32c2p-20f,
                                           0x1.60fe68p-17f,
                                           0x1.408c78p-18f,
                                           -0x1.d448f8p-17f,
                                           -0x1.0e6ce8p-17f,
                                           -0x1.0e6ce8p-17f,
                                           0x1.ed0cbap-20f,
                                           -0x1.eac382p-20f,
                                           -0x1.6b9026p-19f,
                                           -0x1.6b9026p-19f,
                                           -0x1.78b6d4p-17f,
                                           -0x1.a39fbep-19f,
                                           -0x1.a39fbep-19f,
                                           -0x1.62336ap-17f,
                                           0x1.20a6dep-21f,
                                           0x1.20a6dep-21f,
                                           0x1.2c8a72p-17f,
                                           0x1.2c8a72p-17f,
                                           0};

static const float kb_log_high_f32_[32] = {0,
                                           0x1.894000p-5f,
                                           0x1.4d3000p-4f,
                                           0x1.933000p-4f,
                                           0x1.117800p-3f,
                                           0x1.366000p-3f,
                                           0x1.824000p-3f,
                                           0x1.a94000p-3f,
                                           0x1.d10000p-3f,
                                           0x1.117800p-2f,
                                           0x1.269800p-2f,
                                           0x1.3c2400p-2f,
                                           0x1.522c00p-2f,
                                           0x1.68ac00p-2f,
                                           0x1.7fb000p-2f,
                                           0x1.973c00p-2f,
                                           0x1.af5400p-2f,
                                           0x1.c80000p-2f,
                                           0x1.c80000p-2f,
                                           0x1.e14800p-2f,
                                           0x1.fb3400p-2f,
                                           0x1.0ae800p-1f,
                                           0x1.0ae800p-1f,
                                           0x1.188e00p-1f,
                                           0x1.269600p-1f,
                                           0x1.269600p-1f,
                                           0x1.350200p-1f,
                                           0x1.43da00p-1f,
                                           0x1.43da00p-1f,
                                           0x1.532200p-1f,
                                           0x1.532200p-1f,
                                           0x1.62e400p-1f};

static const float kb_log_low_f32_[32] = {0,
                                          0x1.542940p-18f,
                                          0x1.15d208p-20f,
                                          0x1.797566p-18f,
                                          0x1.d044fcp-20f,
                                          -0x1.a7f538p-22f,
                                          -0x1.f4d572p-18f,
                                          -0x1.2c3752p-19f,
                                          0x1.bf932ap-18f,
                                          0x1.d044fcp-19f,
                                          -0x1.deecb2p-18f,
                                          0x1.277334p-18f,
                                          -0x1.1f8c76p-18f,
                                          0x1.07d38ep-19f,
                                          -0x1.7109fap-20f,
                                          -0x1.cbcecap-18f,
                                          -0x1.6adb74p-18f,
                                          -0x1.8e2eaap-20f,
                                          -0x1.8e2eaap-20f,
                                          0x1.4344e4p-19f,
                                          0x1.8af7a4p-18f,
                                          -0x1.23a5f6p-18f,
                                          -0x1.23a5f6p-18f,
                                          0x1.c81e48p-18f,
                                          0x1.089a6ep-20f,
                                          0x1.089a6ep-20f,
                                          0x1.15b3b2p-18f,
                                          -0x1.a0db88p-26f,
                                          -0x1.a0db88p-26f,
                                          0x1.c4d0d0p-18f,
                                          0x1.c4d0d0p-18f,
                                          0x1.7f7d1cp-20f};

static const double kb_inverse_f64_[16] = {1,
                                           0x1.e000000000000p-1,
                                           0x1.c800000000000p-1,
                                           0x1.b000000000000p-1,
                                           0x1.9800000000000p-1,
                                           0x1.8800000000000p-1,
                                           0x1.7000000000000p-1,
                                           0x1.6000000000000p-1,
                                           0x1.5800000000000p-1,
                                           0x1.4800000000000p-1,
                                           0x1.3800000000000p-1,
                                           0x1.3000000000000p-1,
                                           0x1.2800000000000p-1,
                                           0x1.1800000000000p-1,
                                           0x1.1000000000000p-1,
                                           0x1.0800000000000p-1};

static const double kb_log2_high_f64_[16] = {0,
                                             0x1.7d60496d00000p-4,
                                             0x1.563dc29ff8000p-3,
                                             0x1.f5fd8a9060000p-3,
                                             0x1.4f6fbb2cec000p-2,
                                             0x1.8a8980abfc000p-2,
                                             0x1.e7df5fe538000p-2,
                                             0x1.14c560fe68000p-1,
                                             0x1.25c0a0463c000p-1,
                                             0x1.48eef19318000p-1,
                                             0x1.6ddfc2a790000p-1,
                                             0x1.810fa51bf6000p-1,
                                             0x1.94c287492c000p-1,
                                             0x1.bdce9dcc96000p-1,
                                             0x1.d338120a6e000p-1,
                                             0x1.e9452c8a72000p-1};

static const double kb_log2_low_f64_[16] = {0,
                                            -0x1.12ce6312ebb82p-42,
                                            0x1.6590643906f2ap-42,
                                            0x1.f1a4847f7b278p-42,
                                            0x1.661e393a16b95p-44,
                                            -0x1.66cccab240e90p-45,
                                            0x1.5669df6a2b592p-43,
                                            0x1.5f101c141e670p-42,
                                            -0x1.50520a377c7ecp-45,
                                            -0x1.9bcaf1aa4168ap-43,
                                            -0x1.ce60916e52e91p-44,
                                            0x1.7f5dc57266758p-43,
                                            0x1.36c101ee13440p-43,
                                            0x1.871a7610e40bdp-45,
                                            -0x1.3167ccc538261p-44,
                                            -0x1.fb0e626c0de13p-42};

#define KB_TANH_F32_(X)                                                                   \
    X(0x1.1ffe52p+1f, 0x1.f4bf8cp-1f, 0x1.6419aep-5f, -0x1.5c4648p-5f, 0x1.bbd856p-6f,    \
      -0x1.93d60ep-7f, 0x1.04c152p-8f, -0x1.77e656p-11f)                                  \
    X(0x1.5ffe74p+1f, 0x1.fbd4f0p-1f, 0x1.09ae04p-6f, -0x1.078450p-6f, 0x1.599dc6p-7f,    \
      -0x1.4e4322p-8f, 0x1.f58c18p-10f, -0x1.1e06cap-11f)                                 \
    X(0x1.a0006ep+1f, 0x1.fe767cp-1f, 0x1.88ecc6p-8f, -0x1.87becap-8f, 0x1.039600p-8f,    \
      -0x1.00753ap-9f, 0x1.936ac6p-11f, -0x1.fec762p-13f)                                 \
    X(0x1.e001ecp+1f, 0x1.ff6f1cp-1f, 0x1.219efep-9f, -0x1.214d0cp-9f, 0x1.80de20p-10f,   \
      -0x1.7f2940p-11f, 0x1.326098p-12f, -0x1.91304cp-14f)                                \
    X(0x1.2000dcp+2f, 0x1.ffdfa8p-1f, 0x1.02b7d6p-11f, -0x1.02a838p-11f, 0x1.587d56p-12f, \
      -0x1.581986p-13f, 0x1.1cba14p-14f, -0x1.7a849ep-16f)                                \
    X(0x1.6005ecp+2f, 0x1.fffba0p-1f, 0x1.17ff08p-14f, -0x1.17fd78p-14f, 0x1.750eb8p-15f, \
      -0x1.74f0d6p-16f, 0x1.35405ep-17f, -0x1.9cf388p-19f)                                \
    X(0x1.9fef28p+2f, 0x1.ffff68p-1f, 0x1.2fffd4p-17f, -0x1.30003ep-17f, 0x1.9512b8p-18f, \
      -0x1.9508aap-19f, 0x1.4fec3ap-20f, -0x1.bf8dc6p-22f)                                \
    X(0x1.e0d5c4p+2f, 0x1.ffffecp-1f, 0x1.3ffff4p-20f, -0x1.400236p-20f, 0x1.aa66a0p-21f, \
      -0x1.a9ea4cp-22f, 0x1.618c6ep-23f, -0x1.e4a49ep-25f)                                \
    X(0x1.154246p+3f, 0x1.fffffep-1f, 0x1.ffffecp-24f, -0x1.ff0942p-24f, 0x1.562ed2p-24f, \
      -0x1.617754p-25f, 0x1.13f480p-26f, -0x1.c384d4p-29f)                                \
    X(10, 1, 0, 0, 0, 0, 0, 0)                                                            \
    X(0, 0, 0, 0, 0, 0, 0, 0)                                                             \
    X(0, 0, 1, 0, -0x1.55553ep-2f, 0, 0x1.107776p-3f, 0)                                  \
    X(0x1.1ffdeep-4f, 0x1.1f84aep-4f, 0x1.fd7a2ap-1f, -0x1.1e1a02p-4f, -0x1.4ea17ap-2f,   \
      0x1.7aa63ap-5f, 0x1.05b84ap-3f, -0x1.a86a5ap-6f)                                    \
    X(0x1.5ffff6p-4f, 0x1.5f22c8p-4f, 0x1.fc3cc0p-1f, -0x1.5c8e2cp-4f, -0x1.4b5ad0p-2f,   \
      0x1.cb9e0cp-5f, 0x1.003872p-3f, -0x1.0061e8p-5f)                                    \
    X(0x1.a00030p-4f, 0x1.9e9386p-4f, 0x1.fac13ep-1f, -0x1.9a5444p-4f, -0x1.477426p-2f,   \
      0x1.0d5962p-4f, 0x1.f36a54p-4f, -0x1.2ac0ecp-5f)                                    \
    X(0x1.e000c2p-4f, 0x1.ddd152p-4f, 0x1.f90854p-1f, -0x1.d750bcp-4f, -0x1.42f16ep-2f,   \
      0x1.33cbe2p-4f, 0x1.e473c2p-4f, -0x1.530be4p-5f)                                    \
    X(0x1.200278p-3f, 0x1.1e203cp-3f, 0x1.f601a0p-1f, -0x1.188a84p-3f, -0x1.3b12dep-2f,   \
      0x1.6b1a5ep-4f, 0x1.ca8e54p-4f, -0x1.8ab946p-5f)                                    \
    X(0x1.5fff58p-3f, 0x1.5c9264p-3f, 0x1.f12b0ep-1f, -0x1.52796ap-3f, -0x1.2ea420p-2f,   \
      0x1.afb058p-4f, 0x1.a2623cp-4f, -0x1.cbfcf8p-5f)                                    \
    X(0x1.9fff9ap-3f, 0x1.9a5ebap-3f, 0x1.eb7164p-1f, -0x1.89e4bap-3f, -0x1.202a4cp-2f,   \
      0x1.ed8fa8p-4f, 0x1.74a6bep-4f, -0x1.0092cep-4f)                                    \
    X(0x1.e0061ep-3f, 0x1.d76c28p-3f, 0x1.e4df06p-1f, -0x1.be7198p-3f, -0x1.0fdd60p-2f,   \
      0x1.11f950p-3f, 0x1.428714p-4f, -0x1.14a064p-4f)                                    \
    X(0x1.1ffe3ap-2f, 0x1.18a1f6p-2f, 0x1.d98baap-1f, -0x1.038e2cp-2f, -0x1.e92106p-3f,   \
      0x1.3315d0p-3f, 0x1.e3d2dap-5f, -0x1.25cd86p-4f)                                    \
    X(0x1.600068p-2f, 0x1.52c322p-2f, 0x1.c7f704p-1f, -0x1.2dafd8p-2f, -0x1.9857f6p-3f,   \
      0x1.5036bcp-3f, 0x1.05c05ep-5f, -0x1.261208p-4f)                                    \
    X(0x1.9fff82p-2f, 0x1.8a8776p-2f, 0x1.b3ff58p-1f, -0x1.4ff6dap-2f, -0x1.42729ep-3f,   \
      0x1.5c35a8p-3f, 0x1.844316p-8f, -0x1.0f3ddap-4f)                                    \
    X(0x1.e000eap-2f, 0x1.bfaf28p-2f, 0x1.9e235cp-1f, -0x1.6a1d8cp-2f, -0x1.d71cf2p-4f,   \
      0x1.5864c6p-3f, -0x1.1941dcp-6f, -0x1.cdfb64p-5f)                                   \
    X(0x1.2000dcp-1f, 0x1.050912p-1f, 0x1.7aea40p-1f, -0x1.825e40p-2f, -0x1.bd02b8p-5f,   \
      0x1.3a4cd0p-3f, -0x1.646fc0p-5f, -0x1.320d88p-5f)                                   \
    X(0x1.5ffe5ap-1f, 0x1.3156d0p-1f, 0x1.49e804p-1f, -0x1.897d4cp-2f, 0x1.d73970p-7f,    \
      0x1.e986bep-4f, -0x1.f89506p-5f, -0x1.7eccbcp-7f)                                   \
    X(0x1.a00154p-1f, 0x1.5789bap-1f, 0x1.197ed2p-1f, -0x1.79c05ep-2f, 0x1.073046p-4f,    \
      0x1.4713d2p-4f, -0x1.00c1cep-4f, 0x1.d7332cp-8f)                                    \
    X(0x1.e0029ap-1f, 0x1.77d96cp-1f, 0x1.d8314cp-2f, -0x1.5aa0a0p-2f, 0x1.843840p-4f,    \
      0x1.625f46p-5f, -0x1.b2b3dap-5f, 0x1.15dcc2p-6f)                                    \
    X(0x1.1ffeb6p+0f, 0x1.9e5bd2p-1f, 0x1.6152e4p-2f, -0x1.1df164p-2f, 0x1.c68d04p-4f,    \
      0x1.acafdcp-9f, -0x1.06642ap-5f, 0x1.2ebc62p-6f)                                    \
    X(0x1.5ffd80p+0f, 0x1.c27784p-1f, 0x1.ceaf38p-3f, -0x1.971402p-3f, 0x1.97db08p-4f,    \
      -0x1.5dcf78p-6f, -0x1.37335ep-7f, 0x1.67e6d8p-7f)                                   \
    X(0x1.9fff10p+0f, 0x1.d9c6b6p-1f, 0x1.266032p-3f, -0x1.10661ep-3f, 0x1.33e060p-4f,    \
      -0x1.9d2bbap-6f, 0x1.70b4fep-10f, 0x1.0e3d74p-8f)                                   \
    X(0x1.e00076p+0f, 0x1.e878b4p-1f, 0x1.6fce64p-4f, -0x1.5ee76cp-4f, 0x1.a85aa8p-5f,    \
      -0x1.55d600p-6f, 0x1.2dd9d2p-8f, 0x1.55c634p-11f)

#define KB_TANH_ROW_(...) {__VA_ARGS__},
static const float kb_tanh_f32_[32][8] = {KB_TANH_F32_(KB_TANH_ROW_)};

#endif
