import ai.catboost.CatBoostModel;
import ai.catboost.CatBoostPredictions;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * CatBoost's C++ evaluator, called through its Java package: PeerJni FOLDER ROWS FLOATS CATS. FOLDER holds model.cbm,
 * rows.f32 and, with categories, cats.csv. Prints "rows100 NS single NS" a row, the best of several repetitions, in
 * processor time of the calling thread, and the same again with categories hashed beforehand.
 */
public class PeerJni {
    static final int HUNDRED = 100, SINGLE_ROWS = 500;
    static final long BUDGET_NS = 500_000_000L;

    static float[][] floats(Path file, int rows, int columns) throws Exception {
        FloatBuffer all = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        float[][] x = new float[rows][columns];
        for (float[] row : x) {
            all.get(row);
        }
        return x;
    }

    static String[][] texts(Path folder, int rows, int columns) throws Exception {
        String[][] x = new String[rows][columns];
        if (columns > 0) {
            List<String> lines = Files.readAllLines(folder.resolve("cats.csv"));
            for (int i = 0; i < rows; i++) {
                x[i] = lines.get(i).split(",");
            }
        }
        return x;
    }

    /* The hash is theirs, though not public. */
    static int[][] hashes(String[][] texts) throws Exception {
        var hash = CatBoostModel.class.getDeclaredMethod("hashCategoricalFeature", String.class);
        hash.setAccessible(true);
        int[][] x = new int[texts.length][];
        for (int i = 0; i < x.length; i++) {
            x[i] = new int[texts[i].length];
            for (int k = 0; k < x[i].length; k++) {
                x[i][k] = (int) hash.invoke(null, texts[i][k]);
            }
        }
        return x;
    }

    interface Call {
        void run() throws Exception;
    }

    static double best(Call call, int rows) throws Exception {
        var threads = ManagementFactory.getThreadMXBean();
        long until = threads.getCurrentThreadCpuTime() + BUDGET_NS, least = Long.MAX_VALUE;
        for (int i = 0; i < 5 || threads.getCurrentThreadCpuTime() < until; i++) {
            long from = threads.getCurrentThreadCpuTime();
            call.run();
            least = Math.min(least, threads.getCurrentThreadCpuTime() - from);
        }
        return (double) least / rows;
    }

    static <C> void time(CatBoostModel model, float[][] x, C[] cats, boolean hashed) throws Exception {
        int n = Math.min(x.length, SINGLE_ROWS);
        float[][] some = java.util.Arrays.copyOf(x, HUNDRED);
        C[] someCats = java.util.Arrays.copyOf(cats, HUNDRED);
        CatBoostPredictions many = new CatBoostPredictions(HUNDRED, model.getPredictionDimension());
        CatBoostPredictions one = new CatBoostPredictions(1, model.getPredictionDimension());
        double hundred, single;
        if (hashed) {
            hundred = best(() -> model.predict(some, (int[][]) someCats, many), HUNDRED);
            single = best(() -> {
                for (int i = 0; i < n; i++) {
                    model.predict(x[i], (int[]) cats[i], one);
                }
            }, n);
        } else {
            hundred = best(() -> model.predict(some, (String[][]) someCats, many), HUNDRED);
            single = best(() -> {
                for (int i = 0; i < n; i++) {
                    model.predict(x[i], (String[]) cats[i], one);
                }
            }, n);
        }
        System.out.printf(java.util.Locale.ROOT, "rows100 %.1f single %.1f%n", hundred, single);
    }

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        int rows = Math.min(Integer.parseInt(args[1]), 2000);
        float[][] x = floats(folder.resolve("rows.f32"), rows, Integer.parseInt(args[2]));
        String[][] cats = texts(folder, rows, Integer.parseInt(args[3]));
        CatBoostModel model = CatBoostModel.loadModel(folder.resolve("model.cbm").toString());
        time(model, x, cats, false);
        time(model, x, hashes(cats), true);
    }
}
